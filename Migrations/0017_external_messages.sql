-- What runs say to the open runs of other workflow ids, and the answers.
insert into orchestrator.event_types (type, name) values
  (23, 'RequestCancelExternalWorkflowExecutionFailed'), (24, 'ExternalWorkflowExecutionCancelRequested'),
  (38, 'SignalExternalWorkflowExecutionFailed'), (39, 'ExternalWorkflowExecutionSignaled');
comment on column orchestrator.inbox.kind is
  '1 start, 2 signal, 3 cancel, 4 terminate, 5 outcome of an activity, 6 operator''s word on an activity, 7 try a blocked run again, '
  '8 outcome of a child, 9 update, 10 from a run to a workflow id, 11 its answer.';
