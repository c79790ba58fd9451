{{- define "concordat.mutatingVersion" -}}
{{- $group := "admissionregistration.k8s.io" }}
{{- if .Values.policies.mutatingApiVersion }}
{{- .Values.policies.mutatingApiVersion }}
{{- else if .Capabilities.APIVersions.Has (printf "%s/v1/MutatingAdmissionPolicy" $group) }}
{{- printf "%s/v1" $group }}
{{- else if .Capabilities.APIVersions.Has (printf "%s/v1beta1/MutatingAdmissionPolicy" $group) }}
{{- printf "%s/v1beta1" $group }}
{{- else if semverCompare ">=1.36.0-0" .Capabilities.KubeVersion.Version }}
{{- printf "%s/v1" $group }}
{{- else }}
{{- fail (printf "Kubernetes %s serves no MutatingAdmissionPolicy, so nobody would be stamped as having asked: use 1.36 or newer, turn on `%s/v1beta1` and its feature gate, or set `policies.mutatingApiVersion` where it is there" .Capabilities.KubeVersion.Version $group) }}
{{- end }}
{{- end }}

{{/* The binding of a policy. Needs: top, name. */}}
{{- define "concordat.validatingBinding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  labels:
    {{- include "concordat.labels" .top | nindent 4 }}
spec:
  policyName: {{ .name }}
  validationActions: [Deny]
{{- end }}

{{- define "concordat.policyVariables" -}}
- name: user
  expression: request.userInfo.username
# Service accounts and the cluster's own parts, whatever RBAC gives them: robots are often cluster-admin.
- name: robot
  expression: variables.user.startsWith('system:') && !(variables.user in {{ .Values.robots | toJson }})
{{ include "concordat.policyAnnotations" . }}
{{- end }}

{{- define "concordat.policyAnnotations" -}}
- name: now
  expression: object.metadata.?annotations.orValue({})
- name: before
  expression: "request.operation == 'UPDATE' ? oldObject.metadata.?annotations.orValue({}) : {}"
{{- end }}

{{/* What the stamps are about, and what they must be. */}}
{{- define "concordat.stampsMatch" -}}
{{ include "concordat.notTheOperator" . }}
matchConstraints:
  matchPolicy: Equivalent
  namespaceSelector: {}
  objectSelector: {}
  resourceRules:
    - apiGroups: [concordat.dev]
      apiVersions: ["*"]
      operations: [CREATE, UPDATE]
      resources: {{ include "concordat.namespaced" . }}
      scope: Namespaced
variables:
  - name: user
    expression: request.userInfo.username
  {{- include "concordat.policyAnnotations" . | nindent 2 }}
  - name: asked
    expression: variables.now[?'concordat.dev/requested-by'].orValue('')
  - name: mustHaveAsked
    expression: "request.operation == 'CREATE' ? variables.user : variables.before[?'concordat.dev/requested-by'].orValue('')"
  # Labels count, since selectors give roles by them, and so does a claim on another's row.
  - name: changes
    expression: >-
      request.operation == 'UPDATE' && (
        object.spec != oldObject.spec ||
        object.metadata.?labels.orValue({}) != oldObject.metadata.?labels.orValue({}) ||
        variables.now[?'concordat.dev/adopt-from'] != variables.before[?'concordat.dev/adopt-from']
      )
  - name: changed
    expression: variables.now[?'concordat.dev/changed-by'].orValue('')
  - name: mustHaveChanged
    expression: "variables.changes ? variables.user : variables.before[?'concordat.dev/changed-by'].orValue('')"
  # The operator's webhook writes it: a policy cannot stamp what is being deleted.
  - name: deleted
    expression: variables.now[?'concordat.dev/deleted-by'].orValue('')
  - name: mustHaveDeleted
    expression: variables.before[?'concordat.dev/deleted-by'].orValue('')
  - name: approval
    expression: variables.now[?'concordat.dev/approve'].orValue('')
  - name: approvalBefore
    expression: variables.before[?'concordat.dev/approve'].orValue('')
  - name: approved
    expression: variables.now[?'concordat.dev/approved-by'].orValue('')
  - name: mustHaveApproved
    expression: >-
      variables.approval == '' ? '' :
      variables.approval != variables.approvalBefore ? variables.user :
      variables.before[?'concordat.dev/approved-by'].orValue('')
  # Whose robots the approver may act as: of every namespace, of this one, of those that the values name.
  - name: accounts
    expression: authorizer.group('').resource('serviceaccounts')
  - name: tokens
    expression: authorizer.group('').resource('serviceaccounts').subresource('token')
  - name: approves
    expression: variables.approval != '' && variables.approval != variables.approvalBefore
  - name: actsEverywhere
    expression: >-
      variables.approves && (variables.accounts.check('impersonate').allowed() || variables.tokens.check('create').allowed())
  - name: actsHere
    expression: >-
      variables.approves && (variables.accounts.namespace(request.namespace).check('impersonate').allowed() ||
      variables.tokens.namespace(request.namespace).check('create').allowed())
  {{- range $index, $namespace := .Values.policies.robotNamespaces }}
  - name: actsIn{{ $index }}
    expression: >-
      variables.approves && (variables.accounts.namespace('{{ $namespace }}').check('impersonate').allowed() ||
      variables.tokens.namespace('{{ $namespace }}').check('create').allowed())
  {{- end }}
  - name: actsFor
    expression: variables.now[?'concordat.dev/approver-acts-for'].orValue('')
  - name: mustActFor
    expression: >-
      variables.approval == '' ? '' :
      variables.approval == variables.approvalBefore ? variables.before[?'concordat.dev/approver-acts-for'].orValue('') :
      variables.actsEverywhere ? '*' :
      ((variables.actsHere ? [request.namespace] : [])
      {{- range $index, $namespace := .Values.policies.robotNamespaces }} +
      (variables.actsIn{{ $index }} ? ['{{ $namespace }}'] : [])
      {{- end }}).join(',')
{{- end }}

{{- define "concordat.operatorUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "concordat.serviceAccount" . }}
{{- end }}

{{/* It changes finalizers and its own stamp only, as a policy of its own sees to: those need not wait for the others. */}}
{{- define "concordat.notTheOperator" -}}
matchConditions:
  - name: not-the-operator
    expression: request.userInfo.username != '{{ include "concordat.operatorUser" . }}'
{{- end }}
