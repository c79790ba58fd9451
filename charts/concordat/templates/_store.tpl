{{/* The URL, where it does not stand in a Secret of the user's. */}}
{{- define "concordat.storeUrl" -}}
{{- if .Values.graph.connectionSecret.name -}}
graph:/etc/concordat/graph/{{ .Values.graph.connectionSecret.key }}
{{- else -}}
{{- default "sqlite:/var/lib/concordat/concordat.db" .Values.store.url }}
{{- end }}
{{- end }}

{{/* Whether there is a file with one writer: the store itself, or the ledger beside Microsoft Graph. */}}
{{- define "concordat.sqlite" -}}
{{- if .Values.graph.connectionSecret.name }}
{{- if eq .Values.graph.ledger "Sqlite" }}true{{ end }}
{{- else if and (not .Values.store.existingSecret.name) (hasPrefix "sqlite:" (include "concordat.storeUrl" .)) }}true{{ end }}
{{- end }}

{{- define "concordat.storeSecret" -}}
{{- if .Values.store.existingSecret.name }}
{{- .Values.store.existingSecret.name }}
{{- else }}
{{- include "concordat.fullname" . }}-store
{{- end }}
{{- end }}

{{- define "concordat.storeSecretKey" -}}
{{- if .Values.store.existingSecret.name }}
{{- .Values.store.existingSecret.key }}
{{- else -}}
url
{{- end }}
{{- end }}

{{- define "concordat.storeClaim" -}}
{{- default (printf "%s-store" (include "concordat.fullname" .)) .Values.store.persistence.existingClaim }}
{{- end }}

{{/* What the schema cannot say: two values that do not go together. */}}
{{- define "concordat.checks" -}}
{{- if and .Values.store.url .Values.store.existingSecret.name }}
{{- fail "give one of `store.url` and `store.existingSecret.name`: both name a store" }}
{{- end }}
{{- if and .Values.graph.connectionSecret.name (or .Values.store.url .Values.store.existingSecret.name) }}
{{- fail "give one of `graph.connectionSecret.name` and `store.url` or `store.existingSecret.name`: both name a store; the ledger beside Microsoft Graph is named in the connection" }}
{{- end }}
{{- if and (include "concordat.sqlite" .) .Values.graph.connectionSecret.name (gt (int .Values.replicas) 1) }}
{{- fail (printf "`replicas: %d` needs a ledger in PostgreSQL: name it in the connection and set `graph.ledger: Postgres`, or `replicas: 1`" (int .Values.replicas)) }}
{{- end }}
{{- if and (include "concordat.sqlite" .) (gt (int .Values.replicas) 1) }}
{{- fail (printf "`replicas: %d` needs PostgreSQL: a SQLite store is one file with one writer; set `store.url: postgres://…` or `store.existingSecret.name`, or `replicas: 1`" (int .Values.replicas)) }}
{{- end }}
{{- if and (include "concordat.sqlite" .) .Values.store.passwordSecret.name }}
{{- fail "`store.passwordSecret.name` is for PostgreSQL: a SQLite store has no password" }}
{{- end }}
{{- end }}
