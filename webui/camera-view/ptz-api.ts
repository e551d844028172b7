import type { PtzAbilities } from '../api-client/api-types.ts';
import { errorFromResponse, fetchJson, UI_HEADER } from '../api-client/request.ts';
import { isOwner } from '../api-client/session.ts';
import { encodeName } from '../api-client/urls.ts';

export interface Preset {
  readonly token: string;
  readonly name: string;
}

export interface Ptz extends PtzAbilities {
  /** Undefined if presets are not supported. */
  readonly presets: readonly Preset[] | undefined;
}

interface Listed {
  readonly path: string;
  readonly onvif: object | null;
  /** null: not read since the box started. */
  readonly description: { readonly hasPtz: boolean } | null;
}

/**
 * PTZ of a path's camera; undefined without PTZ, or if it was not adopted.
 *
 * @throws Error while the box has not read the camera's abilities
 */
export async function loadPtz(path: string, signal: AbortSignal): Promise<Ptz | undefined> {
  if (!isOwner.peek()) {
    // Only the owner gets the list of cameras.
    return abilitiesOf(path, signal);
  }
  // The browser would report the rejection of other paths as a failure.
  const { items } = await fetchJson<{ items: readonly Listed[] }>('v3/cameras/list?itemsPerPage=1000', { signal });
  const item = items.find((one) => one.path === path);
  if (item?.onvif && !item.description) {
    throw new Error(path);
  }
  return item?.description?.hasPtz ? abilitiesOf(path, signal) : undefined;
}

async function abilitiesOf(path: string, signal: AbortSignal): Promise<Ptz | undefined> {
  const abilities = await fetchJson<PtzAbilities>(`v3/cameras/ptz/get/${encodeName(path)}`, { signal });
  if (!abilities.hasPanTilt && !abilities.hasZoom) {
    return undefined;
  }
  // PTZ without presets.
  const presets = await listPresets(path, signal).catch(() => undefined);
  return { ...abilities, presets };
}

const presetsAddress = (path: string): string => `v3/cameras/ptz/presets/${encodeName(path)}`;

export async function listPresets(path: string, signal?: AbortSignal): Promise<readonly Preset[]> {
  const { items } = await fetchJson<{ items: readonly Preset[] }>(presetsAddress(path), signal ? { signal } : {});
  return items;
}

/** Saves the current position; a preset of that name is replaced. */
export async function savePreset(path: string, name: string): Promise<void> {
  const known = (await listPresets(path)).find((preset) => preset.name === name);
  await fetchJson(presetsAddress(path), { method: 'POST', body: known ? { name, token: known.token } : { name } });
}

export const removePreset = (path: string, token: string): Promise<unknown> =>
  fetchJson(`v3/cameras/ptz/remove/${encodeName(path)}`, { method: 'POST', body: { token } });

/** Sent even while the page closes. */
export async function sendPtz(path: string, what: 'move' | 'stop' | 'goto' | 'home', body?: object): Promise<void> {
  const response = await fetch(`v3/cameras/ptz/${what}/${encodeName(path)}`, {
    method: 'POST',
    headers: body ? { ...UI_HEADER, 'Content-Type': 'application/json' } : UI_HEADER,
    ...(body ? { body: JSON.stringify(body) } : {}),
    keepalive: true,
  });
  if (!response.ok) {
    throw await errorFromResponse(response);
  }
}
