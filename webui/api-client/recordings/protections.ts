import { fetchJson } from '../request.ts';

/** A range of recordings that is not deleted by age. Unix milliseconds. */
export interface Protection {
  readonly id: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly note: string;
}

interface Item {
  readonly id: string;
  readonly start: string;
  readonly end: string;
  readonly note: string;
}

const read = ({ id, start, end, note }: Item): Protection => ({
  id,
  startMs: Date.parse(start),
  endMs: Date.parse(end),
  note,
});

/** Protected ranges of a path, newest first. */
export async function protectionsOf(name: string): Promise<readonly Protection[]> {
  const { items } = await fetchJson<{ items: readonly Item[] }>(
    `v3/recordings/protected?itemsPerPage=1000&path=${encodeURIComponent(name)}`,
  );
  return items.map(read).reverse();
}

export async function protect(
  name: string,
  { startMs, endMs, note }: { readonly startMs: number; readonly endMs: number; readonly note?: string },
): Promise<Protection> {
  const times = { start: new Date(startMs).toISOString(), end: new Date(endMs).toISOString() };
  return read(
    await fetchJson<Item>('v3/recordings/protect', {
      method: 'POST',
      body: { path: name, ...times, ...(note && { note }) },
    }),
  );
}

export async function setNote(id: string, note: string): Promise<void> {
  await fetchJson(`v3/recordings/protect/${encodeURIComponent(id)}`, { method: 'PATCH', body: { note } });
}

export async function unprotect(id: string): Promise<void> {
  await fetchJson(`v3/recordings/protect/${encodeURIComponent(id)}`, { method: 'DELETE' });
}
