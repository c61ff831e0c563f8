package scenario

import (
	"context"

	"github.com/socksctl/socksctl/bench/load/internal/subject"
	"github.com/socksctl/socksctl/bench/load/internal/traffic"
)

// What growth is measured from and to.
const (
	fewTunnels       = 10
	manyTunnels      = 8000
	manyAssociations = 1000
)

// growth are the scenarios that do the same among few and among many.
func growth() []Scenario {
	from := []Metric{{"growth", "many over few", 2}, {"few", "few", 3}, {"many", "many", 3}}
	return []Scenario{
		{Name: "growth/connect", Title: "CPU-ms of a CONNECT, 10 and 8,000 tunnels open", Metrics: from, Most: 2, Fresh: true,
			Subjects: subjects(subject.Serve(), subject.Pooled()), Base: subject.BoundPooled, visit: growingTunnels},
		{Name: "growth/udp", Title: "CPU-us of a datagram, 1 and 1,000 associations open", Metrics: from, Most: 3, Fresh: true, UDP: true,
			Subjects: subjects(subject.Serve(), subject.UDP()), Base: subject.BoundUDP, visit: growingAssociations},
	}
}

// grew sets what something takes among few and among many.
func (v *visit) grew(few, many float64) {
	v.set("few", few)
	v.set("many", many)
	v.set("growth", many/few)
}

func growingTunnels(ctx context.Context, v *visit) error {
	var cost []float64
	for _, more := range []int{fewTunnels, manyTunnels - fewTunnels} {
		conns, err := traffic.OpenUsed(ctx, v.Way, more)
		defer traffic.CloseAll(conns)
		if err != nil {
			return err
		}
		if err := connects(ctx, v); err != nil {
			return err
		}
		cost = append(cost, v.values["cpu"])
	}
	v.grew(cost[0], cost[1])
	return nil
}

func growingAssociations(ctx context.Context, v *visit) error {
	var cost []float64
	for _, idle := range []int{0, manyAssociations - 1} {
		busy := traffic.Busy{Associations: 1, Window: 16, Together: 4, Idle: idle}
		if err := datagrams(busy)(ctx, v); err != nil {
			return err
		}
		cost = append(cost, v.values["cpu"])
	}
	v.grew(cost[0], cost[1])
	return nil
}
