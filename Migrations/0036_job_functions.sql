-- What may happen to a job, each as one function. Lock order: the row of music.assets first, then that of music.jobs.

create function music.start_job(p_job_id uuid, p_priority smallint, p_by text) returns void language sql as $$
  -- A job is asked for again when its end is stored; the run before may be about to close.
  select orchestrator.start_workflow(
    'ProcessAsset', p_job_id::text, jsonb_build_object('jobID', p_job_id, 'priority', p_priority), identity => p_by,
    options => '{"conflictPolicy": "terminateExisting"}')
$$;
comment on function music.start_job(uuid, smallint, text) is 'Starts the workflow of a job.';

create function music.submit_job(
  p_id uuid, p_asset_id uuid, p_type text, p_input_version integer, p_input_kind text, p_priority smallint, p_parameters text,
  p_requested_by text, p_idempotency_key text, p_fingerprint bytea, p_limit integer
) returns table (job_id uuid, is_new boolean, is_same boolean) language plpgsql as $$
declare
  v_asset music.assets;
  v_version integer;
  v_kinds text[];
  v_kind text;
begin
  select * into v_asset from music.assets where id = p_asset_id for update;
  if not found then
    raise exception 'there is no asset %', p_asset_id using errcode = 'MA001';
  end if;
  return query
    select j.id, false, j.fingerprint = p_fingerprint from music.jobs j
    where j.requested_by = p_requested_by and j.idempotency_key = p_idempotency_key;
  if found then
    return;
  end if;
  if v_asset.status <> 'ready' then
    raise exception 'asset % is % and has no version to work on', p_asset_id, v_asset.status using errcode = 'MA003';
  end if;
  v_version := coalesce(p_input_version, v_asset.latest_version);
  select array_agg(f.kind order by f.kind) into v_kinds from music.asset_files f
    where f.asset_id = p_asset_id and f.version = v_version and v_version <= v_asset.latest_version;
  if v_kinds is null then
    raise exception 'asset % has no version %', p_asset_id, v_version using errcode = 'MA002';
  end if;
  v_kind := coalesce(p_input_kind, case when cardinality(v_kinds) = 1 then v_kinds[1] when 'source' = any(v_kinds) then 'source' end);
  if v_kind is null or not v_kind = any(v_kinds) then
    raise exception 'version % of the asset has the kinds %: name one of them as inputKind', v_version, array_to_string(v_kinds, ', ')
      using errcode = 'MA004';
  end if;
  if (select count(*) from music.jobs j where j.asset_id = p_asset_id and j.status in ('pending', 'processing')) >= p_limit then
    raise exception 'asset % has % jobs that have not ended, as many as it may have', p_asset_id, p_limit using errcode = 'MA007';
  end if;
  insert into music.jobs (
    id, asset_id, requested_by, type, input_version, input_kind, priority, parameters, idempotency_key, fingerprint
  ) values (
    p_id, p_asset_id, p_requested_by, p_type, v_version, v_kind, p_priority, p_parameters::jsonb, p_idempotency_key, p_fingerprint
  ) on conflict (requested_by, idempotency_key) where idempotency_key is not null do nothing;
  if not found then
    return query
      select j.id, false, j.fingerprint = p_fingerprint from music.jobs j
      where j.requested_by = p_requested_by and j.idempotency_key = p_idempotency_key;
    return;
  end if;
  perform music.start_job(p_id, p_priority, p_requested_by);
  return query select p_id, true, true;
end
$$;
comment on function music.submit_job(uuid, uuid, text, integer, text, smallint, text, text, text, bytea, integer) is
  'Stores a job and starts its workflow, both or neither. A key that was used before gives the earlier job. Raises MA001 no such asset, '
  'MA002 no such version, MA003 nothing to work on yet, MA004 no such kind, MA007 too many jobs.';

create function music.reserve_version(p_job_id uuid) returns integer language plpgsql as $$
declare
  v_job music.jobs;
  v_latest integer;
  v_version integer;
begin
  select * into v_job from music.jobs where id = p_job_id;
  if not found then
    raise exception 'there is no job %', p_job_id using errcode = 'MA005';
  end if;
  select latest_version into v_latest from music.assets where id = v_job.asset_id for update;
  select version into v_version from music.asset_versions where job_id = p_job_id;
  if found then
    return v_version;
  end if;
  select * into v_job from music.jobs where id = p_job_id for update;
  if v_job.status not in ('pending', 'processing') then
    raise exception 'job % is % and makes no version any more', p_job_id, v_job.status using errcode = 'MA006';
  end if;
  if exists (select from music.asset_versions where asset_id = v_job.asset_id and published_at is null) then
    return null;
  end if;
  insert into music.asset_versions (asset_id, version, from_version, job_id)
    values (v_job.asset_id, v_latest + 1, v_job.input_version, p_job_id);
  return v_latest + 1;
end
$$;
comment on function music.reserve_version(uuid) is
  'The number of the version that a job adds, always the same one; null while another version of the asset is put in place.';

create function music.complete_job(p_job_id uuid, p_files text, p_metadata text) returns integer language plpgsql as $$
declare
  v_asset_id uuid;
  v_version music.asset_versions;
begin
  select asset_id into v_asset_id from music.jobs where id = p_job_id;
  perform from music.assets where id = v_asset_id for update;
  select * into v_version from music.asset_versions where job_id = p_job_id;
  if not found then
    raise exception 'job % has no version to complete', p_job_id using errcode = 'MA006';
  end if;
  if v_version.published_at is not null then
    return v_version.version;
  end if;
  insert into music.asset_files (asset_id, version, kind, object_key, media_type, size_bytes, duration_ms)
    select v_asset_id, v_version.version, f.kind, f.key, f."mediaType", f."sizeBytes", f."durationMilliseconds"
    from jsonb_to_recordset(p_files::jsonb)
      as f (kind text, key text, "mediaType" text, "sizeBytes" bigint, "durationMilliseconds" bigint);
  update music.asset_versions set published_at = now(), metadata = p_metadata::jsonb
    where asset_id = v_asset_id and version = v_version.version;
  update music.assets set latest_version = v_version.version, updated_at = now() where id = v_asset_id;
  update music.jobs
    set status = 'completed', progress = 100, created_version = v_version.version, updated_at = now(), finished_at = now()
    where id = p_job_id;
  return v_version.version;
end
$$;
comment on function music.complete_job(uuid, text, text) is
  'Shows the version of a job, whose files are in place, and completes the job with it; again it changes nothing.';

create function music.end_job(p_job_id uuid, p_status text, p_code text, p_error text) returns void language plpgsql as $$
declare
  v_asset_id uuid;
begin
  select asset_id into v_asset_id from music.jobs where id = p_job_id;
  perform from music.assets where id = v_asset_id for update;
  delete from music.asset_versions where job_id = p_job_id and published_at is null;
  update music.jobs
    set status = p_status, error_code = p_code, error = p_error, updated_at = now(), finished_at = now()
    where id = p_job_id and status in ('pending', 'processing');
end
$$;
comment on function music.end_job(uuid, text, text, text) is 'Ends a job without a version: failed or cancelled. One that ended stays as it is.';

create function music.cancel_job(p_job_id uuid, p_by text) returns void language plpgsql as $$
declare
  v_status text;
begin
  select status into v_status from music.jobs where id = p_job_id for update;
  if not found then
    raise exception 'there is no job %', p_job_id using errcode = 'MA005';
  end if;
  if v_status = 'cancelled' then
    return;
  end if;
  if v_status in ('completed', 'failed') then
    raise exception 'job % is % and cannot be cancelled', p_job_id, v_status using errcode = 'MA006';
  end if;
  perform orchestrator.cancel_workflow(p_job_id::text, 'The job was cancelled.', identity => p_by);
end
$$;
comment on function music.cancel_job(uuid, text) is 'Asks the workflow of a job to stop. Raises MA005 no such job, MA006 it has ended.';

create function music.retry_job(p_job_id uuid, p_by text) returns void language plpgsql as $$
declare
  v_job music.jobs;
begin
  select * into v_job from music.jobs where id = p_job_id for update;
  if not found then
    raise exception 'there is no job %', p_job_id using errcode = 'MA005';
  end if;
  if v_job.status not in ('failed', 'cancelled') then
    raise exception 'job % is %: only one that failed or was cancelled is done again', p_job_id, v_job.status using errcode = 'MA006';
  end if;
  update music.jobs
    set status = 'pending', progress = 0, attempt = 0, tries = tries + 1, error_code = null, error = null, started_at = null,
      finished_at = null, updated_at = now()
    where id = p_job_id;
  perform music.start_job(p_job_id, v_job.priority, p_by);
end
$$;
comment on function music.retry_job(uuid, text) is 'Does a job again that failed or was cancelled. Raises MA005 no such job, MA006 it cannot be.';

create function music.settle_jobs(p_limit integer) returns integer language plpgsql as $$
declare
  v_job record;
  v_count integer := 0;
begin
  for v_job in
    select j.id from music.jobs j
    where j.status in ('pending', 'processing')
      -- No step of a run that was stopped works for so long: none can touch the files of a number that is given again.
      and j.updated_at < now() - interval '10 minutes'
      and exists (
        select from orchestrator.runs r join orchestrator.closes c using (run_id)
        where r.workflow_id = j.id::text and r.namespace = 'default')
      and orchestrator.open_run(j.id::text) is null
      and not exists (
        select from orchestrator.inbox i where i.kind = 1 and i.workflow_id = j.id::text and i.namespace = 'default')
    order by j.created_at
    limit p_limit
  loop
    perform music.end_job(v_job.id, 'failed', 'stopped', 'The job was stopped. Ask for it again.');
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function music.settle_jobs(integer) is 'Ends jobs whose run was closed without its code. Returns how many.';
