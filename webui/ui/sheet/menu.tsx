import { useId, useRef, useState } from 'preact/hooks';
import { Icon } from '../icons/icon.tsx';
import { useMenuList } from './menu-list.ts';

interface MenuProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly { readonly value: string; readonly text: string; readonly href: string }[];
}

/** A title that opens the list of its likes: links, so that each can be opened elsewhere. */
export function Menu({ label, value, options }: MenuProps) {
  const id = useId();
  const [isOpen, setOpen] = useState(false);
  const whole = useRef<HTMLDivElement>(null);
  const onKeyDown = useMenuList({
    ...{ whole, isOpen },
    onClose: (isElsewhere) => {
      setOpen(false);
      if (!isElsewhere) {
        whole.current?.querySelector('button')?.focus();
      }
    },
  });
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: arrows move between the links within
    <div class="menu" ref={whole} onKeyDown={onKeyDown}>
      <button
        type="button"
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => setOpen(!isOpen)}
      >
        <span class="unseen">{label}: </span>
        <bdi>{options.find((option) => option.value === value)?.text ?? value}</bdi>
        <Icon name="down" />
      </button>
      <div role="menu" id={id} aria-label={label} hidden={!isOpen}>
        {options.map((option) => (
          <a
            key={option.value}
            role="menuitem"
            tabIndex={-1}
            href={option.href}
            aria-current={option.value === value ? 'true' : undefined}
            onClick={() => setOpen(false)}
          >
            <bdi>{option.text}</bdi>
          </a>
        ))}
      </div>
    </div>
  );
}
