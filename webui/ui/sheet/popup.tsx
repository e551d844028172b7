import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Icon, type IconName } from '../icons/icon.tsx';

export interface PopupItem {
  readonly text: string;
  readonly icon?: IconName;
  /** A radio item. */
  readonly isChosen?: boolean;
  readonly href?: string;
  readonly onChoose?: () => void;
}

interface PopupProps {
  readonly label: string;
  readonly items: readonly PopupItem[];
  /** `isElsewhere`: closed by a tap outside, which moves the focus. */
  readonly onClose: (isElsewhere: boolean) => void;
}

/** A menu, placed by its style. */
export function Popup({ label, items, onClose }: PopupProps) {
  const whole = useRef<HTMLDivElement>(null);
  const onKeyDown = useMenu(whole, onClose);
  return (
    <div class="popup" role="menu" tabIndex={-1} aria-label={label} ref={whole} onKeyDown={onKeyDown}>
      <b class="popup-title dim small" aria-hidden="true">
        <bdi>{label}</bdi>
      </b>
      {items.map((item) => (
        <Item key={item.text} {...item} onClose={onClose} />
      ))}
    </div>
  );
}

function Item({ text, icon, isChosen, href, onChoose, onClose }: PopupItem & Pick<PopupProps, 'onClose'>) {
  const content = (
    <>
      {icon && <Icon name={icon} />}
      <span>{text}</span>
      {isChosen && <Icon name="ok" small />}
    </>
  );
  return href === undefined ? (
    <button
      type="button"
      {...(isChosen === undefined ? { role: 'menuitem' } : { role: 'menuitemradio', 'aria-checked': isChosen })}
      tabIndex={-1}
      onClick={() => {
        onClose(false);
        onChoose?.();
      }}
    >
      {content}
    </button>
  ) : (
    <a role="menuitem" tabIndex={-1} href={href}>
      {content}
    </a>
  );
}

const ITEMS = '[role=menuitem], [role=menuitemradio]';

/** Moves the focus by arrow keys; Esc and a tap outside close. */
function useMenu(whole: RefObject<HTMLElement | null>, onClose: PopupProps['onClose']) {
  const items = () => [...(whole.current?.querySelectorAll<HTMLElement>(ITEMS) ?? [])];
  useEffect(() => {
    (items().find((item) => item.ariaChecked === 'true') ?? items()[0])?.focus();
    const onPointerDown = (event: Event) => {
      if (!whole.current?.contains(event.target as Node)) {
        onClose(true);
      }
    };
    document.addEventListener('pointerdown', onPointerDown);
    return () => document.removeEventListener('pointerdown', onPointerDown);
  }, []);
  return (event: KeyboardEvent) => {
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    const closes = event.key === 'Escape' || event.key === 'Tab';
    if (to === undefined && !closes) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (to === undefined) {
      onClose(false);
    } else {
      all.at(to % all.length)?.focus();
    }
  };
}
