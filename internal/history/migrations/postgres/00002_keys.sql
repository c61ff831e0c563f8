-- +goose Up

-- The balancer that said who the client is.
ALTER TABLE sessions ADD COLUMN via TEXT NOT NULL DEFAULT '';

-- An address so that those of a network stand together: V4 or V6, and its bytes. In
-- host_key, too, an address has this form from here on.
ALTER TABLE sessions ADD COLUMN resolved_key TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE targets ADD COLUMN address_key TEXT COLLATE "C" NOT NULL DEFAULT '';

CREATE INDEX sessions_resolved_key ON sessions (resolved_key, start) WHERE resolved_key <> '';
CREATE INDEX targets_address_key ON targets (address_key, start) WHERE address_key <> '';
CREATE INDEX sessions_port ON sessions (port, start) WHERE port <> 0;
CREATE INDEX targets_port ON targets (port, start) WHERE port <> 0;
