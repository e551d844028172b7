import { signal } from '@preact/signals';

/** The moment under the pointer. */
export const hoverMs = signal<number | undefined>(undefined);
