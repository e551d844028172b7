import { useMemo, useState } from 'preact/hooks';
import type { UserItem } from '../../../api-client/api-types.ts';
import { fetchJson, RequestError } from '../../../api-client/request.ts';
import { fieldProps } from '../../../forms/field-props.ts';
import { FieldError } from '../../../forms/form.ts';
import { FormSheet } from '../../../forms/form-sheet.tsx';
import { serverForm } from '../../../forms/server-form.ts';
import { AccessFields, oneAtLeast } from '../../../people/access-fields.tsx';
import { AddPerson, changePerson, type Person } from '../../../people/add-person.ts';
import { viewsLink } from '../../../people/view-text.ts';
import { PasswordField, TextField } from '../../../ui/controls/field.tsx';
import { UnencryptedNotice } from '../../../ui/controls/login-notes.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { Switch } from '../../../ui/controls/switch.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { attempt, toastFailure } from '../../../ui/feedback/toast-failure.ts';
import { Confirm } from '../../../ui/sheet/confirm.tsx';
import { peopleWords } from '../../../words/settings/people.ts';
import { youWords } from '../../../words/settings/you.ts';
import { words } from '../../../words/words.ts';

/** Limits of the box. */
const NAME = /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._@+ -]{0,63}$/u;

interface PersonSheetProps {
  /** Undefined: a new person. */
  readonly user: UserItem | undefined;
  readonly taken: readonly string[];
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

/** A person with name, password and cameras. */
export function PersonSheet({ user, taken, onChanged, onClosed }: PersonSheetProps) {
  const t = peopleWords.value;
  const form = useMemo(() => personForm(user, taken), []);
  const { name, cameras, sees, talk, turn, switch: switches } = form.values.value;
  const wrong = form.wrong.value;
  const [isGone, setGone] = useState(false);
  return (
    <FormSheet
      title={user?.name ?? t.addPerson}
      form={form}
      isOver={isGone}
      onClosed={onClosed}
      onSaved={() => {
        toast(user ? words.peek().saved : peopleWords.peek().personAdded(name.trim()));
        onChanged();
      }}
      text={t.personWillSee}
      action={user ? undefined : t.addPerson}
    >
      {!user && <TextField label={t.accountName} autocomplete="off" {...fieldProps(form, 'name')} />}
      <PasswordField
        label={user ? t.personNewPassword : t.accountPassword}
        autocomplete="new-password"
        hint={user ? t.personPasswordText : youWords.value.newPasswordHint}
        {...fieldProps(form, 'password')}
      />
      <UnencryptedNotice />
      <AccessFields
        chosen={cameras}
        onChosen={(value) => form.set('cameras', value)}
        wrong={wrong.cameras}
        sees={sees}
        onSees={(value) => form.set('sees', value)}
      />
      <Switch title={t.mayTalk} text={t.mayTalkText} isOn={talk} onChange={(value) => form.set('talk', value)} />
      <Switch title={t.mayTurn} text={t.mayTurnText} isOn={turn} onChange={(value) => form.set('turn', value)} />
      <Switch
        title={t.maySwitch}
        text={t.maySwitchText}
        isOn={switches}
        onChange={(value) => form.set('switch', value)}
      />
      {user && (
        <div class="rows-end">
          <Row icon="clock" title={t.viewsOf(user.name)} href={viewsLink(user.name)} />
        </div>
      )}
      {user && (
        <Confirm
          title={t.removePerson(user.name)}
          text={t.removePersonText}
          onConfirm={() => remove(user.name, () => setGone(true), onChanged)}
        />
      )}
    </FormSheet>
  );
}

function personForm(user: UserItem | undefined, taken: readonly string[]) {
  const initial: Person = {
    name: user?.name ?? '',
    password: '',
    cameras: user?.cameras ?? 'all',
    sees: user?.recordings ? 'both' : 'live',
    talk: user?.talk ?? false,
    turn: user?.turn ?? false,
    switch: user?.switch ?? false,
  };
  const adding = new AddPerson(taken);
  return serverForm<Person>({
    initial,
    validate: {
      name: (text) => (user ? undefined : nameFault(text, taken)),
      password: (text) =>
        [...text].length < 8 && !(user && text === '') ? youWords.peek().newPasswordHint : undefined,
      cameras: oneAtLeast,
    },
    save: async (values, changed) => {
      try {
        await (user ? changePerson(user.name, changed) : adding.add(values));
      } catch (error) {
        // The length was checked here, so the box rejects only common passwords.
        const isPassword = error instanceof RequestError && error.status === 400 && error.message.includes('password');
        throw isPassword ? new FieldError<Person>('password', youWords.peek().newPasswordCommon) : error;
      }
    },
  });
}

function nameFault(text: string, taken: readonly string[]): string | undefined {
  const { personNameWrong, personNameTaken } = peopleWords.peek();
  const name = text.trim().normalize('NFC');
  return taken.includes(name) ? personNameTaken : NAME.test(name) ? undefined : personNameWrong;
}

async function remove(name: string, onGone: () => void, onChanged: () => void): Promise<void> {
  const address = `v3/users/${encodeURIComponent(name)}`;
  await attempt(async () => {
    await fetchJson(address, { method: 'DELETE' });
    toast(peopleWords.peek().personRemoved(name), () => {
      fetchJson(`${address}/restore`, { method: 'POST', body: {} }).then(() => {
        toast(peopleWords.peek().personIsBack(name));
        onChanged();
      }, toastFailure);
    });
    onGone();
    onChanged();
  });
}
