-- +goose Up

-- Times are microseconds since 1970, UTC. Text is empty where nothing is known.
CREATE TABLE sessions (
	run            INTEGER NOT NULL, -- one life of a server
	id             INTEGER NOT NULL, -- of the session in it
	node           TEXT    NOT NULL,
	status         TEXT    NOT NULL, -- open, closed, refused, interrupted
	reason         TEXT    NOT NULL, -- why it ended
	stage          TEXT    NOT NULL, -- how far it came
	reply          INTEGER NOT NULL, -- REP, when the request was refused
	start          INTEGER NOT NULL,
	active         INTEGER NOT NULL, -- when bytes or datagrams moved last
	finish         INTEGER,          -- NULL while it is open
	client         TEXT    NOT NULL,
	listener       TEXT    NOT NULL,
	tls            TEXT    NOT NULL, -- the version
	serial         TEXT    NOT NULL, -- of the client's certificate
	username       TEXT    NOT NULL,
	tried          TEXT    NOT NULL, -- the name of a login that was refused
	user_groups    TEXT    NOT NULL, -- JSON
	method         TEXT    NOT NULL, -- of the login
	command        TEXT    NOT NULL,
	host           TEXT    NOT NULL, -- as asked for
	host_key       TEXT    NOT NULL, -- the same in small letters, its labels turned round
	port           INTEGER NOT NULL,
	resolved       TEXT    NOT NULL, -- the address dialled, or that connected
	resolved_port  INTEGER NOT NULL,
	egress         TEXT    NOT NULL,
	rule           TEXT    NOT NULL,
	up             INTEGER NOT NULL, -- bytes
	down           INTEGER NOT NULL,
	bytes          INTEGER NOT NULL, -- both
	datagrams_up   INTEGER NOT NULL,
	datagrams_down INTEGER NOT NULL,
	dropped        TEXT    NOT NULL, -- datagrams by reason, JSON
	error          TEXT    NOT NULL,
	written        INTEGER NOT NULL, -- when the row was
	PRIMARY KEY (run, id),
	CHECK (id >= 0)
) STRICT;

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
	run            INTEGER NOT NULL,
	id             INTEGER NOT NULL,
	n              INTEGER NOT NULL, -- its place; -1 is all that there was no room to tell apart
	start          INTEGER NOT NULL, -- of the session
	host           TEXT    NOT NULL, -- the name that was asked for
	host_key       TEXT    NOT NULL,
	address        TEXT    NOT NULL,
	port           INTEGER NOT NULL,
	up             INTEGER NOT NULL,
	down           INTEGER NOT NULL,
	datagrams_up   INTEGER NOT NULL,
	datagrams_down INTEGER NOT NULL,
	first          INTEGER NOT NULL,
	last           INTEGER NOT NULL,
	PRIMARY KEY (run, id, n),
	FOREIGN KEY (run, id) REFERENCES sessions (run, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX targets_host ON targets (host_key, start) WHERE host_key <> '';
CREATE INDEX targets_address ON targets (address, start) WHERE address <> '';
