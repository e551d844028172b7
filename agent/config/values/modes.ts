/** The modes of the box, in the order in which people see them. */
export const MODES = ['home', 'away', 'night'] as const;
export type Mode = (typeof MODES)[number];
