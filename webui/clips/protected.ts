import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type Protection, protect, protectionsOf, unprotect } from '../api-client/protections.ts';
import { mayPlayBack } from '../api-client/recordings.ts';
import { renew } from '../timeline/lane-data.ts';
import type { Clip } from './clip.ts';

/** Of one camera, newest first. */
const known = signal<{ readonly name: string; readonly all: readonly Protection[] } | undefined>(undefined);

/** What is protected of a camera; undefined until the box has answered. */
export function useProtections(name: string): readonly Protection[] | undefined {
  const mayAsk = mayPlayBack(name);
  useEffect(() => {
    if (mayAsk) {
      load(name);
    }
  }, [name, mayAsk]);
  return known.value?.name === name ? known.value.all : undefined;
}

async function load(name: string): Promise<void> {
  // The strip above says when the box does not answer.
  const all = await protectionsOf(name).catch(() => undefined);
  if (all) {
    known.value = { name, all };
  }
}

/** The one that keeps all of a clip. */
export const protectionOf = (all: readonly Protection[], { startMs, endMs }: Clip): Protection | undefined =>
  all.find((one) => one.startMs <= startMs && one.endMs >= endMs);

export async function keep(name: string, clip: Clip & { readonly note?: string }): Promise<void> {
  await protect(name, clip);
  await changed(name);
}

export async function keepNoMore(name: string, id: string): Promise<void> {
  await unprotect(id);
  await changed(name);
}

async function changed(name: string): Promise<void> {
  renew();
  await load(name);
}
