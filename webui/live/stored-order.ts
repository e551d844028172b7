import { effect } from '@preact/signals';
import type { ApiPath } from '../api-client/api-types.ts';
import { savedText, saveErrorText } from '../api-client/error-text.ts';
import { type PathItem, paths } from '../api-client/paths.ts';
import { type Change, fetchJson } from '../api-client/request.ts';
import { cameras } from '../cameras/cameras.ts';
import { chosenGroup, groups, layouts, loadLayouts } from '../cameras/layouts.ts';
import { reordered } from '../ui/controls/list-order.ts';
import { toast } from '../ui/feedback/toast.tsx';
import { wallWords } from '../words/walls.ts';

/** An answer that the box gave before it had the order comes within this time. */
const STALE_MS = 3_000;
/** Ends the order that is kept. */
let release = (): void => {};
/** The last order that is being sent, and the latest order of each list. */
let sending: Promise<unknown> = Promise.resolve();
const latest = new Map<string, object>();

/**
 * Sends orders one after the other, of those of a list that wait the latest only.
 *
 * @param list name of the group; empty: all cameras
 * @returns whether no later order of the list waits
 */
async function sendInTurn(list: string, send: () => Promise<unknown>): Promise<boolean> {
  const turn = {};
  latest.set(list, turn);
  const isLatest = () => latest.get(list) === turn;
  const sent = sending.then(() => (isLatest() ? send() : undefined));
  sending = sent.catch(() => {});
  await sent;
  return isLatest();
}

/**
 * Shows the order and stores it; after a failure, the former one is shown.
 *
 * @param section name of the group, or undefined for the chosen one, or all cameras
 * @param before the former order, to which Undo returns
 */
export async function storeOrder(
  section: string | undefined,
  names: readonly string[],
  before?: readonly string[],
): Promise<void> {
  const change = { isUnsaved: false };
  const group = section ?? chosenGroup.peek();
  const isGroup = layouts.peek()?.some(({ kind, name }) => kind === 'group' && name === group);
  try {
    const isLatest = await (isGroup ? putGroup(group, names, change) : putCameras(names, change));
    if (before && isLatest) {
      toast(savedText(change, wallWords.peek().orderSaved), () => void storeOrder(section, before));
    }
  } catch (error) {
    toast(saveErrorText(error));
  }
}

/** Cameras of the group that an earlier group shows keep their places. */
async function putGroup(group: string, names: readonly string[], change: Change): Promise<boolean> {
  const known = layouts.peek()?.find(({ name }) => name === group)?.cameras ?? [];
  const all = [...known.map(({ path }) => path), ...names.filter((name) => known.every(({ path }) => path !== name))];
  const next = reordered(all, names);
  const before = groups.peek();
  const moved = (before ?? []).map((one): typeof one => (one[0] === group ? [group, next] : one));
  groups.value = moved;
  try {
    const body = { cameras: next.map((path) => known.find((one) => one.path === path) ?? { path }) };
    const url = `v3/layouts/patch/${encodeURIComponent(group)}`;
    if (!(await sendInTurn(group, () => fetchJson(url, { method: 'PATCH', body, change })))) {
      return false;
    }
  } catch (error) {
    if (groups.peek() === moved) {
      groups.value = before;
    }
    throw error;
  }
  await loadLayouts().catch(() => {});
  return true;
}

async function putCameras(names: readonly string[], change: Change): Promise<boolean> {
  const all = reordered(
    (cameras.peek() ?? []).map(({ name }) => name),
    names,
  );
  release();
  const before = new Map(paths.peek()?.map(({ name, order }) => [name, order]));
  const ended = keepOrder(all);
  release = ended;
  try {
    const isLatest = await sendInTurn('', () => postOrder(all, change));
    setTimeout(ended, STALE_MS);
    return isLatest;
  } catch (error) {
    ended();
    if (release === ended) {
      paths.value = paths.peek()?.map((item) => ({ ...item, order: before.get(item.name) ?? item.order }));
    }
    throw error;
  }
}

/** Cameras that are not in the file have no place. */
async function postOrder(all: readonly string[], change: Change): Promise<void> {
  const { items } = await fetchJson<{ items: readonly Pick<ApiPath, 'name'>[] }>(
    'v3/config/paths/list?itemsPerPage=1000',
  );
  const configured = new Set(items.map(({ name }) => name));
  await fetchJson('v3/cameras/order', {
    method: 'POST',
    body: { paths: all.filter((name) => configured.has(name)) },
    change,
  });
}

/** Shows the order, also where an answer of the box is older. @returns ends that */
function keepOrder(all: readonly string[]): () => void {
  const orderOf = ({ name, order }: PathItem) => (all.includes(name) ? all.indexOf(name) + 1 : order);
  return effect(() => {
    if (paths.value?.some((item) => item.order !== orderOf(item))) {
      paths.value = paths.value.map((item) => ({ ...item, order: orderOf(item) }));
    }
  });
}
