import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { Form, FormOptions } from '../forms/form.ts';
import { FormSheet } from '../forms/form-sheet.tsx';
import { serverForm } from '../forms/server-form.ts';
import { attempt } from '../ui/feedback/toast-failure.ts';
import { peopleWords } from '../words/settings/people.ts';

/** Validity of an invitation, counted from the answer, because the clocks of box and browser may differ. */
const VALID_MS = 600_000;

/** A created invitation, for `MadeInvitation`. */
export interface Made {
  readonly text: string;
  readonly untilMs: number;
  readonly onAgain: () => void;
  readonly onClosed: () => void;
}

interface InvitationSheetProps<V extends object> extends Pick<FormOptions<V>, 'initial' | 'validate'> {
  readonly title: string;
  /** What the invitation does. */
  readonly effect: string;
  readonly create: (values: V) => Promise<{ readonly invitation: string }>;
  readonly fields: (form: Form<V>) => ComponentChildren;
  readonly made: (made: Made) => ComponentChildren;
  readonly onClosed: () => void;
}

/** Creates an invitation from the values of the form, and shows it until somebody has redeemed it. */
export function InvitationSheet<V extends object>(props: InvitationSheetProps<V>) {
  const { title, effect, create, fields, made: show, onClosed, ...options } = props;
  const [made, setMade] = useState<{ readonly text: string; readonly values: V; readonly untilMs: number }>();
  const [isAsked, setAsked] = useState(true);
  const make = async (values: V) => {
    const { invitation } = await create(values);
    setMade({ text: invitation, values, untilMs: Date.now() + VALID_MS });
  };
  const form = useMemo(() => serverForm<V>({ ...options, save: make }), []);
  if (made && !isAsked) {
    const { text, values, untilMs } = made;
    return <>{show({ text, untilMs, onAgain: () => void attempt(() => make(values)), onClosed })}</>;
  }
  return (
    <FormSheet
      title={title}
      form={form}
      onClosed={() => (made ? setAsked(false) : onClosed())}
      text={effect}
      action={peopleWords.value.makeInvitation}
    >
      {fields(form)}
    </FormSheet>
  );
}
