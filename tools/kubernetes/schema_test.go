package kubernetes

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

const file = "../../deploy/kubernetes/socksctl.yaml"

// objects is what the file declares.
type objects struct {
	config     corev1.ConfigMap
	deployment appsv1.Deployment
	service    corev1.Service
	budget     policyv1.PodDisruptionBudget
}

// load reads the file. A key that the API does not have, or has twice, fails the
// test, and so does a value of another type.
func load(t *testing.T) *objects {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := new(objects)
	into := map[string]any{
		"v1/ConfigMap": &all.config, "apps/v1/Deployment": &all.deployment,
		"v1/Service": &all.service, "policy/v1/PodDisruptionBudget": &all.budget,
	}
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal(document, &kind); err != nil {
			t.Fatal(err)
		}
		name := kind.APIVersion + "/" + kind.Kind
		object := into[name]
		if object == nil {
			t.Fatalf("%s is there twice, or not looked at here", name)
		}
		if err := yaml.UnmarshalStrict(document, object); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		delete(into, name)
	}
	if len(into) > 0 {
		t.Fatalf("missing: %v", into)
	}
	return all
}

// TestSchema holds what the types do not: objects find each other by names and
// labels.
func TestSchema(t *testing.T) {
	all := load(t)
	pod := all.deployment.Spec.Template
	for what, selector := range map[string]map[string]string{
		"deployment": all.deployment.Spec.Selector.MatchLabels, "service": all.service.Spec.Selector,
		"disruption budget": all.budget.Spec.Selector.MatchLabels, "spread": pod.Spec.TopologySpreadConstraints[0].LabelSelector.MatchLabels,
	} {
		if len(selector) == 0 {
			t.Errorf("%s: it selects everything", what)
		}
		for key, value := range selector {
			if pod.Labels[key] != value {
				t.Errorf("%s: pods have no label %s=%s", what, key, value)
			}
		}
	}
	server := pod.Spec.Containers[0]
	for _, port := range all.service.Spec.Ports {
		if portOf(server, port.TargetPort) == 0 {
			t.Errorf("service: the container has no port %v", port.TargetPort)
		}
	}
	if all.service.Spec.Type != corev1.ServiceTypeLoadBalancer {
		t.Errorf("the service is a %s", all.service.Spec.Type)
	}
}

// portOf returns the port of a container that is called so, and 0 if none is.
func portOf(c corev1.Container, name intstr.IntOrString) int32 {
	for _, p := range c.Ports {
		if p.Name == name.StrVal {
			return p.ContainerPort
		}
	}
	return 0
}

// TestProbes holds the probes to the admin listener, and to what it answers.
func TestProbes(t *testing.T) {
	server := load(t).deployment.Spec.Template.Spec.Containers[0]
	for what, probe := range map[string]struct {
		*corev1.Probe
		path string
	}{"startup": {server.StartupProbe, "/healthz"}, "liveness": {server.LivenessProbe, "/healthz"}, "readiness": {server.ReadinessProbe, "/readyz"}} {
		if probe.Probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != probe.path || portOf(server, probe.HTTPGet.Port) != 9180 {
			t.Errorf("%s: got %+v, want %s at the admin port", what, probe.Probe, probe.path)
		}
	}
}

// TestVolumes holds every mount to a volume, and each path in the configuration
// to a mount and, where that is the ConfigMap, to one of its keys.
func TestVolumes(t *testing.T) {
	all := load(t)
	pod := all.deployment.Spec.Template.Spec
	mounts := make(map[string]string)
	for _, m := range pod.Containers[0].VolumeMounts {
		mounts[m.MountPath] = m.Name
		if !slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name }) || !m.ReadOnly {
			t.Errorf("%s: no volume, or one to write on", m.Name)
		}
	}
	paths := 0
	for line := range strings.Lines(all.config.Data["server.toml"] + pod.Containers[0].Args[2]) {
		_, path, found := strings.Cut(line, "/etc/socksctl/")
		if !found {
			continue
		}
		paths++
		path, _, _ = strings.Cut(path, `"`)
		dir, name, _ := strings.Cut(path, "/")
		volume := mounts["/etc/socksctl/"+dir]
		if _, is := all.config.Data[name]; volume == "" || volume == "config" && !is {
			t.Errorf("%s is on no volume", path)
		}
	}
	if paths != 7 {
		t.Errorf("%d paths, want 7", paths)
	}
}

// TestGrace holds a pod to have the time to be taken out of the Service, and then
// to drain for as long as its configuration says.
func TestGrace(t *testing.T) {
	all := load(t)
	pod := all.deployment.Spec.Template.Spec
	const drain = 600
	if !strings.Contains(all.config.Data["server.toml"], `drain_timeout = "10m"`) {
		t.Fatal("the configuration has another drain_timeout")
	}
	sleep := pod.Containers[0].Lifecycle.PreStop.Sleep
	if sleep == nil || *pod.TerminationGracePeriodSeconds < sleep.Seconds+drain {
		t.Errorf("%d s do not do for a pause of %+v and %d s", *pod.TerminationGracePeriodSeconds, sleep, drain)
	}
}

// TestUnprivileged holds the container to have no rights that it does not need.
func TestUnprivileged(t *testing.T) {
	pod := load(t).deployment.Spec.Template.Spec
	c := pod.Containers[0].SecurityContext
	if !*pod.SecurityContext.RunAsNonRoot || *c.AllowPrivilegeEscalation || !*c.ReadOnlyRootFilesystem ||
		!slices.Equal(c.Capabilities.Drop, []corev1.Capability{"ALL"}) || *pod.AutomountServiceAccountToken {
		t.Errorf("got %+v and %+v", pod.SecurityContext, c)
	}
}
