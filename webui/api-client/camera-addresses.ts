import { encodeName } from './urls.ts';

export const configAddress = (name: string): string => `v3/config/paths/get/${encodeName(name)}`;
export const patchAddress = (name: string): string => `v3/config/paths/patch/${encodeName(name)}`;
export const saveEffectAddress = (name: string): string => `v3/config/paths/foresee/${encodeName(name)}`;
export const cameraCall = (call: string, name: string): string => `v3/cameras/${call}/${encodeName(name)}`;
