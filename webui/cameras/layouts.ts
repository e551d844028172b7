import { signal } from '@preact/signals';
import type { Layout } from '../api-client/api-types.ts';
import { LAYOUTS_ADDRESS } from '../api-client/early-answers.ts';
import { fetchJson } from '../api-client/request.ts';
import { type Group, parseGroups } from './sections.ts';

export type TileSize = 'small' | 'large';

/** Storage keys; `forgetCameras` removes them. */
export const GROUPS_KEY = 'perch-groups';
export const CHOSEN_GROUP_KEY = 'perch-group';

/** Undefined until the first response. */
export const layouts = signal<readonly Layout[] | undefined>(undefined);

const kept = localStorage.getItem(GROUPS_KEY);
/** Until the first response those of the last visit, or undefined on the first visit of this browser. */
export const groups = signal(kept === null ? undefined : parseGroups(kept));

/** What the live page shows in this browser; empty: all cameras. */
export const chosenGroup = signal(localStorage.getItem(CHOSEN_GROUP_KEY) ?? '');

export function chooseGroup(name: string): void {
  localStorage.setItem(CHOSEN_GROUP_KEY, name);
  chosenGroup.value = name;
}

export async function loadLayouts(): Promise<void> {
  const { items } = await fetchJson<{ items: readonly Layout[] }>(LAYOUTS_ADDRESS);
  layouts.value = items;
  const now = items
    .filter(({ kind }) => kind === 'group')
    .map(({ name, cameras }): Group => [name, cameras.map(({ path }) => path)]);
  const text = JSON.stringify(now);
  if (text !== JSON.stringify(groups.peek())) {
    localStorage.setItem(GROUPS_KEY, text);
    groups.value = now;
  }
}
