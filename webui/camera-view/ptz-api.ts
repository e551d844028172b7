import { encodeName } from '../api-client/urls.ts';
import { ask, errorOf, UI_HEADER } from '../api-client/request.ts';

export interface Abilities {
  readonly hasPanTilt: boolean;
  readonly hasZoom: boolean;
  /** null: the camera does not tell. */
  readonly hasHome: boolean | null;
}

export interface Preset {
  readonly token: string;
  readonly name: string;
}

export interface Ptz extends Abilities {
  /** undefined: it knows no places. */
  readonly presets: readonly Preset[] | undefined;
}

interface Listed {
  readonly path: string;
  readonly description: { readonly hasPtz: boolean } | null;
}

/** How the camera of a path can be turned; undefined when it cannot, or was not added as a camera. For the owner. */
export async function askPtz(path: string, signal: AbortSignal): Promise<Ptz | undefined> {
  // What no camera stands behind would be refused, which the browser shows as a failure.
  const { items } = await ask<{ items: readonly Listed[] }>('v3/cameras/list?itemsPerPage=1000', { signal });
  if (!items.some((item) => item.path === path && item.description?.hasPtz)) {
    return undefined;
  }
  const name = encodeName(path);
  const abilities = await ask<Abilities>(`v3/cameras/ptz/get/${name}`, { signal });
  if (!abilities.hasPanTilt && !abilities.hasZoom) {
    return undefined;
  }
  // Some turn and know no places.
  const presets = await listPlaces(path, signal).catch(() => undefined);
  return { ...abilities, presets };
}

const placesOf = (path: string): string => `v3/cameras/ptz/presets/${encodeName(path)}`;

export async function listPlaces(path: string, signal?: AbortSignal): Promise<readonly Preset[]> {
  const { items } = await ask<{ items: readonly Preset[] }>(placesOf(path), signal ? { signal } : {});
  return items;
}

/** Where it looks now; a place of that name is moved there. */
export async function savePlace(path: string, name: string): Promise<void> {
  const known = (await listPlaces(path)).find((place) => place.name === name);
  await ask(placesOf(path), { method: 'POST', body: known ? { name, token: known.token } : { name } });
}

export const forgetPlace = (path: string, token: string): Promise<unknown> =>
  ask(`v3/cameras/ptz/remove/${encodeName(path)}`, { method: 'POST', body: { token } });

/** Goes out even when the page closes meanwhile. */
export async function tellPtz(path: string, what: 'move' | 'stop' | 'goto' | 'home', body?: object): Promise<void> {
  const response = await fetch(`v3/cameras/ptz/${what}/${encodeName(path)}`, {
    method: 'POST',
    headers: body ? { ...UI_HEADER, 'Content-Type': 'application/json' } : UI_HEADER,
    ...(body ? { body: JSON.stringify(body) } : {}),
    keepalive: true,
  });
  if (!response.ok) {
    throw await errorOf(response);
  }
}
