import { ICONS, MARK } from './icon-paths.ts';
import type { LATER_ICONS } from './later-icons.ts';

export type IconName = keyof typeof ICONS | keyof typeof LATER_ICONS;

/** Further icons are added when they load. */
export const drawn: { readonly [name in IconName]?: string } = { ...ICONS };

export function Icon({ name, small }: { readonly name: IconName; readonly small?: boolean }) {
  return (
    <svg class={small ? 'icon small' : 'icon'} viewBox="0 0 24 24" aria-hidden="true">
      <path d={drawn[name]} />
    </svg>
  );
}

export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <path class="perch" d={MARK.perch} />
      <path class="bird" d={MARK.bird} />
      <circle class="eye" {...MARK.eye} />
    </svg>
  );
}
