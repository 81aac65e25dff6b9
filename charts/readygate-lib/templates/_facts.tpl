{{/*
What follows from the values and the cluster's version, each decided once. Every helper here takes the same dict as
readygate.pod (root, pod, name) and prints one word or number.
*/}}

{{- define "readygate.values" -}}
{{- $values := index .root.Values "readygate" -}}
{{- if not $values }}{{ fail "readygate: no values: depend on readygate-lib under the alias `readygate`" }}{{ end -}}
{{- $values | toYaml -}}
{{- end }}

{{- define "readygate.name" -}}
{{- .name | default .root.Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "readygate.kubeVersion" -}}
{{- $given := (include "readygate.values" . | fromYaml).kubeVersion | toString -}}
{{- $given | default .root.Capabilities.KubeVersion.Version | trimPrefix "v" -}}
{{- end }}

{{/* "yes" from this minor version on: since (dict "gate" . "minor" 30). Vendors' suffixes do not count. */}}
{{- define "readygate.since" -}}
{{- $version := semver (include "readygate.kubeVersion" .gate) -}}
{{- if or (gt (int $version.Major) 1) (ge (int $version.Minor) (int .minor)) }}yes{{ end -}}
{{- end }}

{{/* native or container */}}
{{- define "readygate.mode" -}}
{{- $mode := (include "readygate.values" . | fromYaml).sidecar.mode -}}
{{- $can := include "readygate.since" (dict "gate" . "minor" 29) -}}
{{- if eq $mode "auto" }}{{ ternary "native" "container" (eq $can "yes") -}}
{{- else }}
{{- if and (eq $mode "native") (ne $can "yes") -}}
{{ fail (printf "readygate: sidecar.mode native needs Kubernetes 1.29 or later, this is %s: use auto or container" (include "readygate.kubeVersion" .)) }}
{{- end }}
{{- $mode -}}
{{- end }}
{{- end }}

{{/* What a probe's failureThreshold can be at most. */}}
{{- define "readygate.noLimit" -}}2147483647{{- end }}

{{/* Seconds that the sidecar may take to start; refuses less than the initialization may take. */}}
{{- define "readygate.startupSeconds" -}}
{{- $values := include "readygate.values" . | fromYaml -}}
{{- $timeout := int $values.initTimeoutSeconds -}}
{{- $least := ternary (int (include "readygate.noLimit" .)) (add $timeout 60 | int) (eq $timeout 0) -}}
{{- $given := $values.sidecar.startupProbe.failureThreshold -}}
{{- if and (not (kindIs "invalid" $given)) (lt (int $given) $least) -}}
{{ fail (printf "readygate: sidecar.startupProbe.failureThreshold %d would kill an index build: initTimeoutSeconds %d needs at least %d; leave it null" (int $given) $timeout $least) }}
{{- end -}}
{{- if kindIs "invalid" $given }}{{ $least }}{{ else }}{{ int $given }}{{ end -}}
{{- end }}

{{/* For spec.progressDeadlineSeconds of the team's Deployment: a rollout that builds an index has not failed. */}}
{{- define "readygate.progressDeadlineSeconds" -}}
{{- $values := include "readygate.values" . | fromYaml -}}
{{- $seconds := int (include "readygate.startupSeconds" .) -}}
{{- $application := add $values.application.startupProbe.initialDelaySeconds $values.application.readinessProbe.initialDelaySeconds 600 -}}
{{- min (add $seconds $application) (int (include "readygate.noLimit" .)) -}}
{{- end }}

{{/* The failureThreshold of the application's startup probe; refuses what would kill a waiting wrapper. */}}
{{- define "readygate.applicationFailures" -}}
{{- $values := include "readygate.values" . | fromYaml -}}
{{- $probe := $values.application.startupProbe -}}
{{- $mode := include "readygate.mode" . -}}
{{- $budget := $values.application.startupBudget -}}
{{- if eq $budget "auto" }}{{ $budget = ternary "origin" "sidecar" (eq $mode "native") }}{{ end -}}
{{- $seconds := int (include "readygate.startupSeconds" .) -}}
{{- $noLimit := int (include "readygate.noLimit" .) -}}
{{- $sidecar := ternary $noLimit (div (add $seconds $probe.periodSeconds -1) $probe.periodSeconds | int) (eq $seconds $noLimit) -}}
{{- $wanted := ternary 12 $sidecar (eq $budget "origin") -}}
{{- $given := $probe.failureThreshold -}}
{{- if not (kindIs "invalid" $given) }}{{ $wanted = int $given }}{{ end -}}
{{- if and (eq $mode "container") (lt $wanted $sidecar) -}}
{{ fail (printf "readygate: in container mode the application waits for as long as the sidecar works: its startup probe's failureThreshold %d would kill an index build; leave application.startupProbe.failureThreshold null and application.startupBudget auto, or give at least %d" $wanted $sidecar) }}
{{- end -}}
{{- $wanted -}}
{{- end }}

{{/* The pod's grace period: what the pod spec says, or the least that preStop, the application's stop and 2 s need. */}}
{{- define "readygate.graceSeconds" -}}
{{- $application := (include "readygate.values" . | fromYaml).application -}}
{{- $least := add $application.preStopSeconds $application.stopSeconds 2 -}}
{{- $given := .pod.terminationGracePeriodSeconds -}}
{{- if kindIs "invalid" $given }}{{ $given = max 30 $least }}{{ end -}}
{{- if lt (int $given) (int $least) -}}
{{ fail (printf "readygate: terminationGracePeriodSeconds %d is less than preStopSeconds %d + stopSeconds %d + 2: raise it, or lower application.stopSeconds" (int $given) (int $application.preStopSeconds) (int $application.stopSeconds)) }}
{{- end -}}
{{- int $given -}}
{{- end }}

{{/* "yes" when the sidecar talks to the API server. */}}
{{- define "readygate.talks" -}}
{{- $kubernetes := (include "readygate.values" . | fromYaml).kubernetes -}}
{{- if and $kubernetes.readinessGate (not $kubernetes.condition) -}}
{{ fail "readygate: kubernetes.readinessGate needs kubernetes.condition: nobody else would ever set it, and the pod would never be ready" }}
{{- end -}}
{{- if and $kubernetes.condition $kubernetes.guard (ne (include "readygate.since" (dict "gate" . "minor" 30)) "yes") -}}
{{ fail (printf "readygate: kubernetes.condition is guarded by a ValidatingAdmissionPolicy, which needs Kubernetes 1.30, this is %s: set kubernetes.guard false to let every pod of the ServiceAccount patch every pod's status" (include "readygate.kubeVersion" .)) }}
{{- end -}}
{{- if or $kubernetes.condition $kubernetes.events }}yes{{ end -}}
{{- end }}

{{- define "readygate.serviceAccountName" -}}
{{- $kubernetes := (include "readygate.values" . | fromYaml).kubernetes -}}
{{- .pod.serviceAccountName | default $kubernetes.serviceAccountName | default (ternary (printf "%s-gate" (include "readygate.name" .)) "" (eq (include "readygate.talks" .) "yes")) -}}
{{- end }}

{{- define "readygate.image" -}}
{{- $image := (include "readygate.values" . | fromYaml).image -}}
{{- if $image.digest }}{{ $image.repository }}@{{ $image.digest }}
{{- else }}{{ $image.repository }}:{{ $image.tag | default "0.1.0" }}{{ end -}}
{{- end }}

{{- define "readygate.labels" -}}
app.kubernetes.io/name: {{ include "readygate.name" . }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}
