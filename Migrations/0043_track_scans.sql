-- What the virus scanner said about each upload.
alter table music.tracks
  add column scan text not null default 'not scanned' check (scan in ('clean', 'infected', 'not scanned')),
  add column scan_detail text check (octet_length(scan_detail) <= 1000);
comment on column music.tracks.scan is 'What the virus scanner said; nothing is called clean that it did not look into.';
comment on column music.tracks.scan_detail is 'The name of what was found, or why nobody looked.';
