import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { Icon } from './icon.tsx';

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
  const links = () => [...(whole.current?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? [])];
  const close = () => {
    setOpen(false);
    whole.current?.querySelector('button')?.focus();
  };
  useEffect(() => {
    if (!isOpen) {
      return undefined;
    }
    (links().find((link) => link.hasAttribute('aria-current')) ?? links()[0])?.focus();
    const onElsewhere = (event: Event) => {
      if (!whole.current?.contains(event.target as Node)) {
        setOpen(false);
      }
    };
    document.addEventListener('pointerdown', onElsewhere);
    return () => document.removeEventListener('pointerdown', onElsewhere);
  }, [isOpen]);
  const onKeyDown = (event: KeyboardEvent) => {
    const all = links();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (isOpen && to !== undefined) {
      event.preventDefault();
      all.at(to % all.length)?.focus();
    }
    if (isOpen && event.key === 'Escape') {
      event.stopPropagation();
      close();
    }
  };
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
