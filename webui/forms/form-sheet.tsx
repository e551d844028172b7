import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { Sheet } from '../ui/sheet/sheet.tsx';
import { FormFooter, type FormFooterProps } from './form-footer.tsx';

interface FormSheetProps<V extends object> extends Omit<FormFooterProps<V>, 'text'> {
  readonly title: string;
  /** Effect of saving; undefined: there is nothing that can be saved. */
  readonly text?: string | undefined;
  /** In place of the save button. */
  readonly foot?: ComponentChildren;
  readonly children: ComponentChildren;
  readonly onClosed: () => void;
  readonly onSaved?: () => void;
  /** Called before saving; false: nothing is saved and the sheet stays open. */
  readonly check?: () => Promise<boolean>;
  readonly hasRoute?: boolean;
  /** The subject no longer exists: closes without asking. */
  readonly isOver?: boolean;
}

/** A form in a sheet: Enter saves, an invalid field gets the focus, and saving closes it. */
export function FormSheet<V extends object>(props: FormSheetProps<V>) {
  const { title, form, text, action, busy, isOff, children, onClosed, onSaved, check } = props;
  const { hasRoute = false, isOver = false } = props;
  const button = text !== undefined && <FormFooter {...{ form, text, action, busy, isOff }} />;
  const element = useRef<HTMLFormElement>(null);
  const [isDone, setDone] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    if ((!check || (await check())) && (await form.submit())) {
      setDone(true);
      onSaved?.();
    } else {
      element.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
    }
  };
  return (
    <form ref={element} onSubmit={submit} novalidate>
      <Sheet
        title={title}
        foot={props.foot ?? button}
        isDirty={form.isDirty.value && !isDone && !isOver}
        isDone={isDone || isOver}
        onClosed={onClosed}
        hasRoute={hasRoute}
      >
        {children}
      </Sheet>
    </form>
  );
}
