{{/*
readygate.pod completes a team's pod spec: dict "root" $ "pod" <their spec, parsed> ["name" <of the service>]. What is there
stays; what would open the gate early, or kill who waits for it, is refused with a message.

The order is the point: `readygate install` brings readygate-wait, then the sidecar starts, then the team's own init
containers, then the application, by readygate-wait. Its wrapper is what keeps the gate when either one restarts alone.
*/}}

{{- define "readygate.pod" -}}
{{- $gate := . -}}
{{- $values := include "readygate.values" . | fromYaml -}}
{{- $native := eq (include "readygate.mode" .) "native" -}}
{{- $pod := deepCopy .pod -}}
{{- if not $pod.containers }}{{ fail "readygate: the pod spec has no containers" }}{{ end -}}
{{- if eq (toString $pod.enableServiceLinks) "true" -}}
{{ fail "readygate: enableServiceLinks must not be true: variables of Services would mix with settings; remove it" }}
{{- end -}}
{{- $security := $pod.securityContext | default dict -}}
{{- if and (hasKey $security "fsGroup") (ne (int $security.fsGroup) (int $values.fsGroup)) -}}
{{ fail (printf "readygate: the pod's fsGroup is %d, the gate's socket belongs to %d: remove it, or set fsGroup of readygate" (int $security.fsGroup) (int $values.fsGroup)) }}
{{- end -}}
{{- $_ := set $security "fsGroup" (int $values.fsGroup) -}}
{{- if $values.application.restricted }}{{ $security = merge $security (dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault")) }}{{ end -}}
{{- $_ := set $pod "securityContext" $security -}}
{{- $_ := set $pod "enableServiceLinks" false -}}
{{- if not (hasKey $pod "automountServiceAccountToken") }}{{ $_ := set $pod "automountServiceAccountToken" false }}{{ end -}}
{{- with include "readygate.serviceAccountName" . }}{{ $_ := set $pod "serviceAccountName" . }}{{ end -}}
{{- $_ := set $pod "terminationGracePeriodSeconds" (include "readygate.graceSeconds" . | int) -}}
{{- if $values.kubernetes.readinessGate }}{{ $_ := set $pod "readinessGates" (append ($pod.readinessGates | default list) (dict "conditionType" "readygate.io/SchemaReady")) }}{{ end -}}
{{- $names := list -}}
{{- range $pod.containers }}{{ $names = append $names .name }}{{ end -}}
{{- range $values.application.containers }}
{{- if not (has . $names) }}{{ fail (printf "readygate: application.containers names %q, the pod has: %s" . (join " " $names)) }}{{ end }}
{{- end -}}
{{- $containers := list -}}
{{- range $pod.containers -}}
{{- if or (not $values.application.containers) (has .name $values.application.containers) -}}
{{- $containers = append $containers (include "readygate.application" (dict "gate" $gate "container" .) | fromYaml) -}}
{{- else }}{{ $containers = append $containers (include "readygate.hardened" (dict "gate" $gate "container" .) | fromYaml) }}{{ end -}}
{{- end -}}
{{- $init := include "readygate.before" (mustMergeOverwrite (dict) . (dict "application" (first $containers))) | fromYamlArray -}}
{{- $sidecar := include "readygate.sidecar" . | fromYaml -}}
{{- if $native }}{{ $init = append $init $sidecar }}{{ else }}{{ $containers = prepend $containers $sidecar }}{{ end -}}
{{- range $pod.initContainers }}{{ $init = append $init (include "readygate.hardened" (dict "gate" $gate "container" .) | fromYaml) }}{{ end -}}
{{- $_ := set $pod "initContainers" $init -}}
{{- $_ := set $pod "containers" $containers -}}
{{- $volumes := include "readygate.volumes" (mustMergeOverwrite (dict) . (dict "initMode" (include "readygate.sidecarMode" .))) | fromYamlArray -}}
{{- $ours := list -}}
{{- range $volumes }}{{ $ours = append $ours .name }}{{ end -}}
{{- range $pod.volumes }}
{{- if has .name $ours }}{{ fail (printf "readygate: the pod has a volume called %s: rename it" .name) }}{{ end }}
{{- end -}}
{{- $_ := set $pod "volumes" (concat ($pod.volumes | default list) $volumes) -}}
{{- toYaml $pod -}}
{{- end }}

{{/* What a container of the team lacks of the restricted Pod Security Standard: dict gate, container. */}}
{{- define "readygate.hardened" -}}
{{- $container := deepCopy .container -}}
{{- if (include "readygate.values" .gate | fromYaml).application.restricted -}}
{{- $least := dict "allowPrivilegeEscalation" false "capabilities" (dict "drop" (list "ALL")) -}}
{{- $_ := set $container "securityContext" (mustMerge ($container.securityContext | default dict) $least) -}}
{{- end -}}
{{- toYaml $container -}}
{{- end }}

{{/* One of the team's containers, waiting for the gate: dict gate, container. */}}
{{- define "readygate.application" -}}
{{- $values := include "readygate.values" .gate | fromYaml -}}
{{- $application := $values.application -}}
{{- $container := include "readygate.hardened" . | fromYaml -}}
{{- $name := $container.name -}}
{{- if eq $name "readygate" }}{{ fail "readygate: a container of the pod is called readygate: rename it" }}{{ end -}}
{{- if not $container.command -}}
{{ fail (printf "readygate: container %s has no command: readygate-wait has to run it, and an image's own ENTRYPOINT is not known here; write it as command" $name) }}
{{- end -}}
{{- range $container.ports }}
{{- if eq (int .containerPort) 8088 }}{{ fail (printf "readygate: container %s listens on port 8088, which is the gate's: move it to another port" $name) }}{{ end }}
{{- end -}}
{{- if $container.startupProbe -}}
{{ fail (printf "readygate: container %s has a startupProbe: it would count the wait for the schema; remove it, the gate's takes its place" $name) }}
{{- end -}}
{{- with $container.livenessProbe }}
{{- range $how := list "httpGet" "tcpSocket" "grpc" }}
{{- with index $container.livenessProbe $how }}
{{- if eq (toString .port) "8088" }}{{ fail (printf "readygate: the livenessProbe of container %s asks port 8088, the gate's: an application would be killed for its database; ask the application" $name) }}{{ end }}
{{- end }}
{{- end }}
{{- if eq (int (default 0 .failureThreshold)) 1 }}{{ fail (printf "readygate: the livenessProbe of container %s has failureThreshold 1: one lost packet would restart it; raise it" $name) }}{{ end }}
{{- $_ := set $container "livenessProbe" (mustMerge (dict) . $application.livenessProbe) }}
{{- end -}}
{{- with $container.readinessProbe }}{{ $_ := set $container "readinessProbe" (mustMerge (dict) . $application.readinessProbe) }}{{ end -}}
{{- $_ := set $container "command" (concat (list "/run/readygate/readygate-wait" "--") $container.command) -}}
{{- $probe := $application.startupProbe -}}
{{- $_ := set $container "startupProbe" (dict "httpGet" (dict "path" "/health/ready" "port" 8088) "initialDelaySeconds" $probe.initialDelaySeconds "periodSeconds" $probe.periodSeconds "timeoutSeconds" $probe.timeoutSeconds "failureThreshold" (include "readygate.applicationFailures" .gate | int)) -}}
{{- $lifecycle := $container.lifecycle | default dict -}}
{{- if and (int $application.preStopSeconds) (not $lifecycle.preStop) -}}
{{- $seconds := int $application.preStopSeconds -}}
{{- $exec := dict "exec" (dict "command" (list "/run/readygate/readygate-wait" "sleep" (toString $seconds))) -}}
{{- $sleep := dict "sleep" (dict "seconds" $seconds) -}}
{{- $_ := set $lifecycle "preStop" (ternary $sleep $exec (eq (include "readygate.since" (dict "gate" .gate "minor" 30)) "yes")) -}}
{{- $_ := set $container "lifecycle" $lifecycle -}}
{{- end -}}
{{- range $container.volumeMounts }}
{{- if hasPrefix "/run/readygate" .mountPath }}{{ fail (printf "readygate: container %s mounts a volume at %s, the gate's folder: move it" $name .mountPath) }}{{ end }}
{{- end -}}
{{- $mount := dict "name" "readygate" "mountPath" "/run/readygate" "readOnly" true -}}
{{- $_ := set $container "volumeMounts" (append ($container.volumeMounts | default list) $mount) -}}
{{- toYaml $container -}}
{{- end }}
