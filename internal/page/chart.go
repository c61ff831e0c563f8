package page

import (
	"fmt"
	"strings"
	"time"
)

// The size of a chart, in units of its own.
const (
	chartWidth  = 600
	chartHeight = 120
)

// Chart is bytes a second over time, up to a moment.
type Chart struct {
	Points []Point
	Until  time.Time
	Span   time.Duration
}

// Point is how much passed at one time.
type Point struct {
	At       time.Time
	Up, Down int64
}

// Most returns the largest rate, and what a chart is drawn up to.
func (c Chart) Most() int64 {
	most := int64(1)
	for _, p := range c.Points {
		most = max(most, p.Up, p.Down)
	}
	return most
}

// Up returns the line of what came from clients, as the points of a polyline.
func (c Chart) Up() string { return c.line(func(p Point) int64 { return p.Up }) }

// Down returns the line of what went to clients.
func (c Chart) Down() string { return c.line(func(p Point) int64 { return p.Down }) }

func (c Chart) line(rate func(Point) int64) string {
	var points []string
	most := float64(c.Most())
	for _, p := range c.Points {
		x := chartWidth * (1 - float64(c.Until.Sub(p.At))/float64(c.Span))
		if x >= 0 && x <= chartWidth {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x, chartHeight*(1-float64(rate(p))/most)))
		}
	}
	return strings.Join(points, " ")
}
