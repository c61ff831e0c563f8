-- +goose Up

-- Text is empty where nothing is known. What is sorted by or compared is in the order
-- of its bytes, so that the names below a name stand together whatever the locale.
CREATE TABLE sessions (
	run            BIGINT           NOT NULL,-- one life of a server
	id             BIGINT           NOT NULL,-- of the session in it
	node           TEXT             NOT NULL,
	status         TEXT             NOT NULL,-- open, closed, refused, interrupted
	reason         TEXT             NOT NULL,-- why it ended
	stage          TEXT             NOT NULL,-- how far it came
	reply          INTEGER          NOT NULL,-- REP, when the request was refused
	start          TIMESTAMPTZ      NOT NULL,
	active         TIMESTAMPTZ      NOT NULL,-- when bytes or datagrams moved last
	finish         TIMESTAMPTZ,              -- NULL while it is open
	client         TEXT             NOT NULL,
	listener       TEXT             NOT NULL,
	tls            TEXT             NOT NULL,-- the version
	serial         TEXT             NOT NULL,-- of the client's certificate
	username       TEXT COLLATE "C" NOT NULL,
	tried          TEXT COLLATE "C" NOT NULL,-- the name of a login that was refused
	user_groups    JSONB            NOT NULL,
	method         TEXT             NOT NULL,-- of the login
	command        TEXT             NOT NULL,
	host           TEXT COLLATE "C" NOT NULL,-- as asked for
	host_key       TEXT COLLATE "C" NOT NULL,-- the same in small letters, its labels turned round
	port           INTEGER          NOT NULL,
	resolved       TEXT COLLATE "C" NOT NULL,-- the address dialled, or that connected
	resolved_port  INTEGER          NOT NULL,
	egress         TEXT             NOT NULL,
	rule           TEXT             NOT NULL,
	up             BIGINT           NOT NULL,-- bytes
	down           BIGINT           NOT NULL,
	bytes          BIGINT           NOT NULL,-- both
	datagrams_up   BIGINT           NOT NULL,
	datagrams_down BIGINT           NOT NULL,
	dropped        JSONB            NOT NULL,-- datagrams by reason
	error          TEXT             NOT NULL,
	written        TIMESTAMPTZ      NOT NULL,-- when the row was
	PRIMARY KEY (run, id),
	CHECK (id >= 0)
);

CREATE INDEX sessions_start ON sessions (start, id);
CREATE INDEX sessions_bytes ON sessions (bytes, start, id);
CREATE INDEX sessions_username ON sessions (username, start) WHERE username <> '';
CREATE INDEX sessions_tried ON sessions (tried) WHERE tried <> '';
CREATE INDEX sessions_host ON sessions (host_key, start) WHERE host_key <> '';
CREATE INDEX sessions_resolved ON sessions (resolved, start) WHERE resolved <> '';
CREATE INDEX sessions_status ON sessions (status, start) WHERE status <> 'closed';
CREATE INDEX sessions_reason ON sessions (reason, start) WHERE reason <> 'ok';
CREATE INDEX sessions_written ON sessions (written) WHERE status <> 'open';
CREATE INDEX sessions_open ON sessions (node, run) WHERE status = 'open';

-- The far ends of an association.
CREATE TABLE targets (
	run            BIGINT           NOT NULL,
	id             BIGINT           NOT NULL,
	n              INTEGER          NOT NULL,-- its place; -1 is all that there was no room to tell apart
	start          TIMESTAMPTZ      NOT NULL,-- of the session
	host           TEXT COLLATE "C" NOT NULL,-- the name that was asked for
	host_key       TEXT COLLATE "C" NOT NULL,
	address        TEXT COLLATE "C" NOT NULL,
	port           INTEGER          NOT NULL,
	up             BIGINT           NOT NULL,
	down           BIGINT           NOT NULL,
	datagrams_up   BIGINT           NOT NULL,
	datagrams_down BIGINT           NOT NULL,
	first          TIMESTAMPTZ      NOT NULL,
	last           TIMESTAMPTZ      NOT NULL,
	PRIMARY KEY (run, id, n),
	FOREIGN KEY (run, id) REFERENCES sessions (run, id) ON DELETE CASCADE
);

CREATE INDEX targets_host ON targets (host_key, start) WHERE host_key <> '';
CREATE INDEX targets_address ON targets (address, start) WHERE address <> '';
