{{- define "concordat.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "concordat.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "concordat.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "concordat.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "concordat.selector" -}}
app.kubernetes.io/name: {{ include "concordat.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "concordat.labels" -}}
{{ include "concordat.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: concordat
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "concordat.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "concordat.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "`serviceAccount.create: false` needs `serviceAccount.name`: the account that the operator is to use" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "concordat.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}

{{/* The four kinds that live in a namespace. */}}
{{- define "concordat.namespaced" -}}
["agreementacceptances","partneroffers","partnerrelationships","rolegrants"]
{{- end }}

{{- define "concordat.kinds" -}}
["agreementacceptances","partnerboundaries","partneroffers","partnerrelationships","rolegrants"]
{{- end }}

{{- define "concordat.webhookService" -}}
{{ include "concordat.fullname" . }}-webhook
{{- end }}

{{- define "concordat.certificateSecret" -}}
{{ include "concordat.fullname" . }}-webhook
{{- end }}

{{/* What the operator keeps: the path that only the API server is told, and its own certificate. */}}
{{- define "concordat.webhookSecret" -}}
{{ include "concordat.certificateSecret" . }}{{ if not (include "concordat.ownCertificates" .) }}-path{{ end }}
{{- end }}

{{- define "concordat.ownCertificates" -}}
{{- if and .Values.webhook.enabled (eq .Values.webhook.certificates.from "Own") }}true{{ end }}
{{- end }}
