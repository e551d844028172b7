import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { Sheet } from '../ui/sheet/sheet.tsx';
import type { Form } from './form.ts';

interface FormSheetProps<V extends object> {
  readonly title: string;
  readonly form: Form<V>;
  /** Usually `<FormFooter>`. */
  readonly foot: ComponentChildren;
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
  const { title, form, foot, children, onClosed, onSaved, check, hasRoute = false, isOver = false } = props;
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
        foot={foot}
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
