import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { SearchedOptions, type SearchedOptionsProps } from '../../ui/lists/searched-list.tsx';

interface PanelProps {
  readonly label: string;
  readonly onClose: () => void;
  /** Enter in its field chooses the first row. */
  readonly choosesFirst?: boolean;
  readonly children: ComponentChildren;
}

const FIRST = '[aria-current], [role=spinbutton], input, textarea, button';

/** The key is for an input method, such as one for Chinese. Safari has ended the composition by then, and says 229. */
const isComposing = (event: KeyboardEvent): boolean => event.isComposing || event.keyCode === 229;

/** A choice below the word that it is of. It has the focus; Esc and Enter in a field close it. */
export function Panel({ label, onClose, choosesFirst = false, children }: PanelProps) {
  const whole = useRef<HTMLFieldSetElement>(null);
  useLayoutEffect(() => {
    const { current } = whole;
    (current?.querySelector<HTMLElement>('[aria-current]') ?? current?.querySelector<HTMLElement>(FIRST))?.focus();
    current?.scrollIntoView({ block: 'nearest' });
  }, []);
  return (
    <fieldset
      class="word-choice"
      ref={whole}
      onKeyDown={(event) => {
        const isEntered = event.key === 'Enter' && (event.target as Element).matches('input');
        if ((event.key !== 'Escape' && !isEntered) || isComposing(event)) {
          return;
        }
        event.preventDefault();
        event.stopPropagation();
        if (isEntered && choosesFirst) {
          whole.current?.querySelector<HTMLElement>('button.row')?.click();
        } else {
          onClose();
        }
      }}
    >
      <legend class="visually-hidden">{label}</legend>
      {children}
    </fieldset>
  );
}

interface OptionsProps<T extends string> extends SearchedOptionsProps<T> {
  readonly label: string;
  readonly onClose: () => void;
  readonly children?: ComponentChildren;
}

/** One of several; long lists have a search field, where Enter chooses the first that is found. */
export const Options = <T extends string>({ label, onClose, children, ...options }: OptionsProps<T>) => (
  <Panel label={label} onClose={onClose} choosesFirst>
    <SearchedOptions {...options} />
    {children}
  </Panel>
);
