type Keys = Pick<KeyboardEvent, 'key' | 'altKey' | 'ctrlKey' | 'metaKey'>;

/** Shortcuts of the browser have one: Alt or Cmd with the left arrow goes back. */
export const hasModifier = ({ altKey, ctrlKey, metaKey }: Keys): boolean => altKey || ctrlKey || metaKey;

/** What a key does without a modifier. @param steps by `KeyboardEvent.key` */
export const stepOf = <T>(event: Keys, steps: Readonly<Record<string, T>>): T | undefined =>
  hasModifier(event) ? undefined : steps[event.key];

/** Keys that move an item of a list or grid: earlier or later. */
export const ORDER_KEYS = 'Alt+ArrowUp Alt+ArrowDown';

export const orderStepOf = ({ key, altKey, ctrlKey, metaKey }: Keys): -1 | 1 | undefined => {
  const by = ({ ArrowUp: -1, ArrowDown: 1 } as const)[key];
  return altKey && !ctrlKey && !metaKey ? by : undefined;
};
