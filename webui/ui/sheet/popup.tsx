import { useRef } from 'preact/hooks';
import { Icon, type IconName } from '../icons/icon.tsx';
import { useMenuList } from './menu-list.ts';

export interface PopupItem {
  readonly text: string;
  readonly icon?: IconName;
  /** One of several of which one holds. */
  readonly isChosen?: boolean;
  readonly href?: string;
  readonly onChoose?: () => void;
}

interface PopupProps {
  readonly label: string;
  readonly items: readonly PopupItem[];
  readonly onClose: (isElsewhere: boolean) => void;
}

/** What can be done here, over what it is done to. Its place is its style's. */
export function Popup({ label, items, onClose }: PopupProps) {
  const whole = useRef<HTMLDivElement>(null);
  const onKeyDown = useMenuList({ whole, isOpen: true, onClose });
  return (
    <div class="popup" role="menu" tabIndex={-1} aria-label={label} ref={whole} onKeyDown={onKeyDown}>
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
