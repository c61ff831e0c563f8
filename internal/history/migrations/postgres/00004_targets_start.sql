-- +goose Up

-- For totals over a window.
CREATE INDEX targets_start ON targets (start);
