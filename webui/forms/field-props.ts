import type { Form } from './form.ts';

/** Props of a `TextField` or `PasswordField` for a text of the form. @param maxChars longer input is truncated */
export function fieldProps<K extends string, V extends { readonly [key in K]: string }>(
  form: Form<V>,
  name: K,
  maxChars = Number.POSITIVE_INFINITY,
) {
  return {
    name,
    value: form.values.value[name],
    onInput: (text: string) => form.set(name, text.slice(0, maxChars) as V[K]),
    onLeave: () => form.leave(name),
    isLocked: form.saving.value !== 'no',
    wrong: form.wrong.value[name],
  };
}

/** Props of a `SegmentedControl` or `Stepper` for a value of the form. */
export function choiceProps<V extends object, K extends keyof V>(form: Form<V>, name: K) {
  return { value: form.values.value[name], onChange: (value: V[K]) => form.set(name, value) };
}
