package acl

// Decide judges q without a file.
func (r *Rules) Decide(q Query, o Options) Decision {
	d, _ := r.decide(&q, o)
	return d
}

// Closed tells whether strangers get nowhere.
func (r *Rules) Closed() bool { return r.closed() }
