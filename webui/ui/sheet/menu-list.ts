import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';

const ITEMS = '[role=menuitem], [role=menuitemradio]';

export interface MenuList {
  readonly whole: RefObject<HTMLElement | null>;
  readonly isOpen: boolean;
  /** `isElsewhere`: the person has gone on to something else, so the focus is left where it is. */
  readonly onClose: (isElsewhere: boolean) => void;
}

/** What every open menu does: the chosen item has the focus, arrows go on, Esc and a tap elsewhere close. */
export function useMenuList({ whole, isOpen, onClose }: MenuList): (event: KeyboardEvent) => void {
  const items = () => [...(whole.current?.querySelectorAll<HTMLElement>(ITEMS) ?? [])];
  useEffect(() => {
    if (!isOpen) {
      return undefined;
    }
    const isChosen = (item: HTMLElement) => item.ariaChecked === 'true' || item.hasAttribute('aria-current');
    (items().find(isChosen) ?? items()[0])?.focus();
    const onElsewhere = (event: Event) => {
      if (!whole.current?.contains(event.target as Node)) {
        onClose(true);
      }
    };
    document.addEventListener('pointerdown', onElsewhere);
    return () => document.removeEventListener('pointerdown', onElsewhere);
  }, [isOpen]);
  return (event) => {
    if (!isOpen) {
      return;
    }
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      all.at(to % all.length)?.focus();
    }
    if (event.key === 'Escape' || event.key === 'Tab') {
      event.preventDefault();
      event.stopPropagation();
      onClose(false);
    }
  };
}
