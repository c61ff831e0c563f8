package main

import (
	"fmt"

	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/audit"
	"github.com/socksctl/socksctl/internal/config"
)

// useAudit has written down who did what, where the configuration says.
func (v *service) useAudit(c config.Audit) error {
	if c.Path == "" && c.Required {
		return fmt.Errorf("audit.required: audit.path says where to, and is missing")
	}
	if c.Path == "" {
		return nil
	}
	l, err := audit.Open(c.Path, audit.Options{Node: v.Node, Required: c.Required, Log: v.log})
	if err != nil {
		return fmt.Errorf("audit.path: %w", err)
	}
	v.observe(l)
	v.fence.writes = append(v.fence.writes, named(l.Folder())...)
	v.Admit, v.reloaded = l.Admit, l.Reloaded
	v.unseen = append(v.unseen, part{name: "audit log", prepare: func() (func(), error) { return nil, l.Reopen() }})
	v.closers = append(v.closers, l.Close)
	if c.Required {
		v.ready = append(v.ready, l.Fault)
	}
	return nil
}

// audit has a reload written down that changed something, or was to.
func (r *reloader) audit(by string, result admin.Result, err error) {
	if r.reloaded == nil || by == byFiles && err == nil && len(result.Reloaded) == 0 {
		return
	}
	one := audit.Reload{By: by, Changed: result.Reloaded, Ended: result.Ended}
	if err != nil {
		one.Error = err.Error()
	}
	r.reloaded(one)
}
