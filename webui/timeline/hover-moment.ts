import { computed, signal } from '@preact/signals';
import { fromMs, toMs } from './view.ts';

/** Where the pointer is, as a share of the timeline's length. It stays there while the time moves or grows under it. */
export const hoverShare = signal<number | undefined>(undefined);

/** The moment under the pointer. */
export const hoverMs = computed(() =>
  hoverShare.value === undefined ? undefined : fromMs.value + hoverShare.value * (toMs.value - fromMs.value),
);
