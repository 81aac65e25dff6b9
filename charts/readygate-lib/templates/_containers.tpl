{{/*
readygate's own containers and their volumes. All run as one numeric user, with a read-only root, no capabilities and the
default seccomp profile; only the sidecar sees the connection string and the token of the API server.
*/}}

{{- define "readygate.security" -}}
{{- $values := include "readygate.values" . | fromYaml -}}
runAsNonRoot: true
runAsUser: {{ int $values.user }}
runAsGroup: {{ int $values.user }}
readOnlyRootFilesystem: true
allowPrivilegeEscalation: false
capabilities: { drop: [ALL] }
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{/* Init mode of the sidecars: with a job they only look. */}}
{{- define "readygate.sidecarMode" -}}
{{- ternary "verify" "apply" (include "readygate.values" . | fromYaml).job.enabled -}}
{{- end }}

{{/* The init containers before the sidecar: a list. `application` is the first container that waits. */}}
{{- define "readygate.before" -}}
{{- $values := include "readygate.values" . | fromYaml -}}
- name: readygate-install
  image: {{ include "readygate.image" . | quote }}
  imagePullPolicy: {{ $values.image.pullPolicy }}
  args: [install, /run/readygate]
  securityContext: {{- include "readygate.security" . | nindent 4 }}
  resources: {{- toYaml $values.sidecar.resources | nindent 4 }}
  volumeMounts:
    - { name: readygate, mountPath: /run/readygate }
{{- include "readygate.copySchema" . }}
{{- end }}

{{/* Copies the schema out of the application's image, where it is there: an element of a list, or nothing. */}}
{{- define "readygate.copySchema" -}}
{{- $values := include "readygate.values" . | fromYaml -}}
{{- $folder := $values.schema.imageFolder -}}
{{- if $folder.path }}
- name: readygate-schema
  image: {{ .application.image | quote }}
  imagePullPolicy: {{ .application.imagePullPolicy | default "IfNotPresent" }}
  command: {{ $folder.command | default (list "cp" "-r" (printf "%s/." (trimSuffix "/" $folder.path)) "/etc/readygate-schema") | toJson }}
  securityContext: {{- include "readygate.security" . | nindent 4 }}
  resources: {{- toYaml $values.sidecar.resources | nindent 4 }}
  volumeMounts:
    - { name: readygate-schema, mountPath: /etc/readygate-schema }
{{- end }}
{{- end }}

{{/* What `run` and `apply` need to see: a list of mounts. */}}
{{- define "readygate.mounts" -}}
- { name: readygate-config, mountPath: /etc/readygate, readOnly: true }
- { name: readygate-schema, mountPath: /etc/readygate-schema, readOnly: true }
- { name: readygate-mongodb, mountPath: /run/secrets/readygate, readOnly: true }
{{- end }}

{{- define "readygate.sidecar" -}}
{{- $values := include "readygate.values" . | fromYaml -}}
{{- $sidecar := $values.sidecar -}}
{{- $talks := eq (include "readygate.talks" .) "yes" -}}
name: readygate
image: {{ include "readygate.image" . | quote }}
imagePullPolicy: {{ $values.image.pullPolicy }}
{{- if eq (include "readygate.mode" .) "native" }}
restartPolicy: Always
{{- end }}
args: [run, --config=/etc/readygate/readygate.toml]
{{- if or $talks $sidecar.env }}
env:
  {{- if $talks }}
  - { name: READYGATE_KUBERNETES_POD, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
  - { name: READYGATE_KUBERNETES_NAMESPACE, valueFrom: { fieldRef: { fieldPath: metadata.namespace } } }
  - { name: READYGATE_KUBERNETES_UID, valueFrom: { fieldRef: { fieldPath: metadata.uid } } }
  {{- end }}
  {{- with $sidecar.env }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end }}
ports:
  - { name: gate, containerPort: 8088 }
startupProbe:
  httpGet: { path: /startupz, port: 8088 }
  initialDelaySeconds: 0
  periodSeconds: 1
  failureThreshold: {{ include "readygate.startupSeconds" . }}
readinessProbe:
  httpGet: { path: /readyz, port: 8088 }
  {{- toYaml $sidecar.readinessProbe | nindent 2 }}
livenessProbe:
  httpGet: { path: /livez, port: 8088 }
  {{- toYaml $sidecar.livenessProbe | nindent 2 }}
securityContext: {{- include "readygate.security" . | nindent 2 }}
resources: {{- toYaml $sidecar.resources | nindent 2 }}
volumeMounts:
  - { name: readygate, mountPath: /run/readygate }
  {{- include "readygate.mounts" . | nindent 2 }}
  {{- if $talks }}
  - { name: readygate-token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true }
  {{- end }}
  {{- range $i, $one := $values.secretMounts }}
  - { name: readygate-secret-{{ $i }}, mountPath: {{ $one.mountPath | quote }}, readOnly: true }
  {{- end }}
{{- end }}

{{/* The pod's volumes: a list. dict of readygate.pod, with initMode. */}}
{{- define "readygate.volumes" -}}
{{- $values := include "readygate.values" . | fromYaml -}}
- name: readygate
  emptyDir: { medium: Memory, sizeLimit: 16Mi }
{{ include "readygate.inputs" . }}
{{- if eq (include "readygate.talks" .) "yes" }}
- name: readygate-token
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken: { path: token, expirationSeconds: 3600 }
      - configMap: { name: kube-root-ca.crt, items: [{ key: ca.crt, path: ca.crt }] }
{{- end }}
{{- range $i, $one := $values.secretMounts }}
- name: readygate-secret-{{ $i }}
  secret: { secretName: {{ $one.name | quote }}, defaultMode: 0440 }
{{- end }}
{{- end }}

{{/* What a job needs of them too. */}}
{{- define "readygate.inputs" -}}
{{- $values := include "readygate.values" . | fromYaml -}}
{{- $mongodb := $values.mongodb -}}
{{- $files := include "readygate.schemaFiles" . | fromYaml -}}
- name: readygate-config
  configMap:
    name: {{ include "readygate.configName" . }}
    items: [{ key: readygate.toml, path: readygate.toml }]
- name: readygate-schema
  {{- if $values.schema.imageFolder.path }}
  emptyDir: { medium: Memory, sizeLimit: 16Mi }
  {{- else if $values.schema.configMap }}
  configMap: { name: {{ $values.schema.configMap | quote }} }
  {{- else }}
  configMap:
    name: {{ include "readygate.configName" . }}
    items:
      {{- range $name := keys $files | sortAlpha }}
      - { key: {{ $name | quote }}, path: {{ $name | quote }} }
      {{- end }}
  {{- end }}
- name: readygate-mongodb
  projected:
    defaultMode: 0440
    sources:
      - secret: { name: {{ required "readygate: mongodb.uriSecret.name is needed: the Secret with the connection string" $mongodb.uriSecret.name | quote }}, items: [{ key: {{ $mongodb.uriSecret.key | quote }}, path: uri }] }
      {{- with $mongodb.caSecret }}{{ if .name }}
      - secret: { name: {{ .name | quote }}, items: [{ key: {{ .key | quote }}, path: ca.crt }] }
      {{- end }}{{ end }}
      {{- with $mongodb.caConfigMap }}{{ if .name }}
      - configMap: { name: {{ .name | quote }}, items: [{ key: {{ .key | quote }}, path: ca.crt }] }
      {{- end }}{{ end }}
      {{- with $mongodb.clientSecret }}{{ if .name }}
      - secret: { name: {{ .name | quote }}, items: [{ key: {{ .key | quote }}, path: client.pem }] }
      {{- end }}{{ end }}
{{- end }}
