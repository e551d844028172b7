import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import type { ConfigForm } from './config-form.ts';
import { ConflictLine } from './conflict.tsx';
import { FormFooter } from './form-footer.tsx';

interface PageFormProps<C, V extends object> {
  readonly edited: ConfigForm<C, V>;
  /** Effect of saving. */
  readonly text: string;
  readonly children: ComponentChildren;
}

/** A form of a page: Enter saves, and an invalid field gets the focus. */
export function PageForm<C, V extends object>({ edited, text, children }: PageFormProps<C, V>) {
  const element = useRef<HTMLFormElement>(null);
  const { form } = edited;
  const save = async (event: Event) => {
    event.preventDefault();
    if (await form.submit()) {
      edited.toastSaved();
    } else {
      element.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
    }
  };
  return (
    <form ref={element} onSubmit={save} novalidate>
      {children}
      <FormFooter form={form} text={text} isOff={!form.isDirty.value} />
    </form>
  );
}

interface ConflictLinesProps<V extends object> {
  readonly form: ConfigForm<unknown, V>['form'];
  readonly format: (value: V[keyof V]) => string;
}

/** All conflicts of a form. */
export function ConflictLines<V extends object>({ form, format }: ConflictLinesProps<V>) {
  return (Object.keys(form.conflicts.value) as (keyof V & string)[]).map((name) => (
    <ConflictLine key={name} form={form} name={name} format={format} />
  ));
}
