import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

interface ButtonProps {
  readonly kind?: 'main' | 'quiet' | 'text';
  /** Red, because it removes or ends something. */
  readonly danger?: boolean;
  /** Instead of the text, for screen readers. */
  readonly label?: string;
  /** Id of an element that says what it is about. */
  readonly about?: string;
  readonly type?: 'button' | 'submit';
  /** Label while busy, which also disables the button. */
  readonly busy?: string | false | undefined;
  readonly isOff?: boolean;
  readonly onClick?: () => void;
  readonly children: ComponentChildren;
}

/** A busy button keeps its width. */
export function Button(props: ButtonProps) {
  const { kind = 'quiet', type = 'button', danger, label, about, busy, isOff = false, onClick, children } = props;
  const element = useRef<HTMLButtonElement>(null);
  const width = useRef(0);
  useLayoutEffect(() => {
    const { current } = element;
    if (!busy && current) {
      width.current = current.offsetWidth;
    }
    if (current) {
      current.style.minWidth = busy ? `${width.current}px` : '';
    }
  }, [busy]);
  const look = kind === 'text' ? 'text' : kind === 'main' ? 'button main' : 'button';
  return (
    <button
      class={danger ? `${look} danger` : look}
      aria-label={label}
      aria-describedby={about}
      ref={element}
      type={type}
      disabled={isOff}
      aria-disabled={busy ? true : undefined}
      data-busy={busy ? true : undefined}
      onClick={(event) => {
        if (busy) {
          event.preventDefault();
        } else {
          onClick?.();
        }
      }}
    >
      {busy || children}
    </button>
  );
}
