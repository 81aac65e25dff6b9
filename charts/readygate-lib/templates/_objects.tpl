{{/*
readygate.objects: what the pod of readygate.pod refers to, as documents of one file: the ConfigMap, and where they are
asked for the ServiceAccount with its rights and their guard, and the job. The same dict as for readygate.pod.
*/}}

{{- define "readygate.objects" -}}
{{- $values := include "readygate.values" . | fromYaml -}}
{{- $name := include "readygate.name" . -}}
{{ include "readygate.configMap" (mustMergeOverwrite (dict) . (dict "initMode" (include "readygate.sidecarMode" .) "annotations" dict)) }}
{{- if eq (include "readygate.talks" .) "yes" }}
{{ include "readygate.rights" . }}
{{- end }}
{{- if $values.job.enabled }}
{{ include "readygate.job" . }}
{{- end }}
{{- end }}

{{/*
dict of readygate.pod, with initMode and annotations.

A pod of an older revision that is made anew, after however many upgrades that failed, needs the ConfigMap that it was made
for. What is a hook, an upgrade does not remove and a rollback makes again; a rollback to what
`helm.sh/resource-policy: keep` has left fails ("no ConfigMap with the name … found", Helm 3.20).
*/}}
{{- define "readygate.configMap" -}}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "readygate.configName" . }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "readygate.labels" . | nindent 4 }}
  {{- with .annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- else }}
  annotations:
    helm.sh/hook: pre-install,pre-upgrade,pre-rollback
    helm.sh/hook-weight: "-10"
    helm.sh/hook-delete-policy: before-hook-creation
  {{- end }}
immutable: true
data: {{- include "readygate.data" . | nindent 2 }}
{{- end }}

{{/* A ServiceAccount that may patch pods' status and write events, nothing else; and the guard. */}}
{{- define "readygate.rights" -}}
{{- $kubernetes := (include "readygate.values" . | fromYaml).kubernetes -}}
{{- $account := include "readygate.serviceAccountName" . -}}
{{- $name := printf "%s-gate" (include "readygate.name" .) -}}
{{- $namespace := .root.Release.Namespace -}}
{{- if eq $account $name }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $account }}
  namespace: {{ $namespace }}
  labels: {{- include "readygate.labels" . | nindent 4 }}
automountServiceAccountToken: false
{{- end }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ $name }}
  namespace: {{ $namespace }}
  labels: {{- include "readygate.labels" . | nindent 4 }}
rules:
  {{- if $kubernetes.condition }}
  - { apiGroups: [""], resources: [pods/status], verbs: [patch] }
  {{- end }}
  {{- if $kubernetes.events }}
  - { apiGroups: [""], resources: [events], verbs: [create, patch] }
  {{- end }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ $name }}
  namespace: {{ $namespace }}
  labels: {{- include "readygate.labels" . | nindent 4 }}
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{ $name }} }
subjects:
  - { kind: ServiceAccount, name: {{ $account | quote }}, namespace: {{ $namespace }} }
{{- if and $kubernetes.condition $kubernetes.guard }}
{{ include "readygate.guard" . }}
{{- end }}
{{- end }}

{{/*
RBAC cannot say "only my own pod". This does, by the pod's name in the token (there since Kubernetes 1.30), and that only
our condition changes. A status update may also change metadata, so that is compared too.
*/}}
{{- define "readygate.guard" -}}
{{- $account := include "readygate.serviceAccountName" . -}}
{{- $namespace := .root.Release.Namespace -}}
{{- $name := printf "%s-%s-gate" $namespace (include "readygate.name" .) -}}
{{- $pod := "authentication.kubernetes.io/pod-name" -}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {{ $name }}
  labels: {{- include "readygate.labels" . | nindent 4 }}
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: {{ $namespace }} } }
    resourceRules:
      - { apiGroups: [""], apiVersions: [v1], operations: [UPDATE], resources: [pods/status] }
  matchConditions:
    - name: by-the-sidecar
      expression: request.userInfo.username == 'system:serviceaccount:{{ $namespace }}:{{ $account }}'
  validations:
    - message: readygate may change the status of its own pod only
      expression: >-
        has(request.userInfo.extra) && '{{ $pod }}' in request.userInfo.extra &&
        request.userInfo.extra['{{ $pod }}'][0] == object.metadata.name
    - message: readygate may change the condition readygate.io/SchemaReady only
      expression: >-
        object.status.?conditions.orValue([]).filter(c, c.type != 'readygate.io/SchemaReady') ==
        oldObject.status.?conditions.orValue([]).filter(c, c.type != 'readygate.io/SchemaReady')
    - message: readygate may change nothing but a condition
      expression: >-
        object.metadata.?labels == oldObject.metadata.?labels &&
        object.metadata.?annotations == oldObject.metadata.?annotations &&
        object.metadata.?finalizers == oldObject.metadata.?finalizers
        {{- range list "phase" "message" "reason" "nominatedNodeName" "hostIP" "hostIPs" "podIP" "podIPs" "startTime" "qosClass" "initContainerStatuses" "containerStatuses" "ephemeralContainerStatuses" "resourceClaimStatuses" "extendedResourceClaimStatus" "nodeAllocatableResourceClaimStatuses" "resize" "resources" "allocatedResources" "observedGeneration" }} &&
        object.status.?{{ . }} == oldObject.status.?{{ . }}
        {{- end }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ $name }}
  labels: {{- include "readygate.labels" . | nindent 4 }}
spec:
  policyName: {{ $name }}
  validationActions: [Deny]
{{- end }}

{{/*
The schema, applied before the release: never after, since `helm --wait` would wait for pods that wait for the job. Its
ConfigMap and ServiceAccount are hooks too: at a first installation nothing else of the release is there yet.
*/}}
{{- define "readygate.job" -}}
{{- $values := include "readygate.values" . | fromYaml -}}
{{- $name := printf "%s-schema" (include "readygate.name" .) -}}
{{- $hook := dict "helm.sh/hook" "pre-install,pre-upgrade" "helm.sh/hook-delete-policy" "before-hook-creation,hook-succeeded" -}}
{{- $first := merge (dict "helm.sh/hook-weight" "-10") $hook -}}
{{- $gate := mustMergeOverwrite (dict) . (dict "initMode" "apply" "once" true "name" $name "annotations" $first) -}}
{{ include "readygate.configMap" $gate }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "readygate.labels" . | nindent 4 }}
  annotations: {{- toYaml $first | nindent 4 }}
automountServiceAccountToken: false
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ $name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "readygate.labels" . | nindent 4 }}
  annotations: {{- toYaml $hook | nindent 4 }}
spec:
  backoffLimit: {{ int $values.job.backoffLimit }}
  {{- if int $values.initTimeoutSeconds }}
  activeDeadlineSeconds: {{ mul (add (int $values.initTimeoutSeconds) 60) (add1 (int $values.job.backoffLimit)) }}
  {{- end }}
  template:
    metadata:
      labels: {{- merge (dict "app.kubernetes.io/name" $name "app.kubernetes.io/instance" .root.Release.Name) $values.job.podLabels | toYaml | nindent 8 }}
    spec: {{- include "readygate.once" (mustMergeOverwrite (dict) $gate (dict "account" $name "resources" $values.job.resources "args" (list "apply" "--config=/etc/readygate/readygate.toml"))) | nindent 6 }}
{{- end }}

{{/* A pod that does one thing and ends: dict of readygate.pod, with initMode, args, resources, and account ("" for none). */}}
{{- define "readygate.once" -}}
{{- $values := include "readygate.values" . | fromYaml -}}
restartPolicy: Never
enableServiceLinks: false
automountServiceAccountToken: false
{{- with .account }}
serviceAccountName: {{ . }}
{{- end }}
{{- with $values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  fsGroup: {{ int $values.fsGroup }}
  seccompProfile: { type: RuntimeDefault }
{{- if $values.schema.imageFolder.path }}
initContainers: {{- include "readygate.copySchema" (mustMergeOverwrite (dict) . (dict "application" (first .pod.containers))) | nindent 2 }}
{{- end }}
containers:
  - name: readygate
    image: {{ include "readygate.image" . | quote }}
    imagePullPolicy: {{ $values.image.pullPolicy }}
    args: {{ .args | toJson }}
    {{- with $values.sidecar.env }}
    env: {{- toYaml . | nindent 6 }}
    {{- end }}
    securityContext: {{- include "readygate.security" . | nindent 6 }}
    resources: {{- toYaml .resources | nindent 6 }}
    volumeMounts: {{- include "readygate.mounts" . | nindent 6 }}
volumes: {{- include "readygate.inputs" . | nindent 2 }}
{{- end }}
