import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { ForwardItem } from '../../../api-client/api-types.ts';
import { savedText, serverText } from '../../../api-client/error-text.ts';
import { fieldProps } from '../../../forms/field-props.ts';
import { FormSheet } from '../../../forms/form-sheet.tsx';
import { serverForm } from '../../../forms/server-form.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { PasswordField, TextField } from '../../../ui/controls/field.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { attempt } from '../../../ui/feedback/toast-failure.ts';
import { Icon } from '../../../ui/icons/icon.tsx';
import { Confirm } from '../../../ui/sheet/confirm.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { byteSize } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { forwardsWords } from '../../../words/settings/forwards.ts';
import { addForward, removeForward, useForwards } from './data/forwards-data.ts';

interface ForwardsProps {
  /** Name of the path. */
  readonly name: string;
  readonly onClosed: () => void;
}

/** Servers that a path is forwarded to: their state, adding and removing. */
export function ForwardsSheet({ name, onClosed }: ForwardsProps) {
  const t = forwardsWords.value;
  const { items, again } = useForwards(name);
  const [shown, setShown] = useState<string>();
  const [isAdding, setAdding] = useState(false);
  const item = items?.find(({ id }) => id === shown);
  return (
    <>
      <Sheet title={t.forwarding} onClosed={onClosed}>
        <p class="forwards dim small">{t.forwardingHint}</p>
        {items === undefined && <div class="skeleton block" />}
        {items !== undefined && items.length > 0 && (
          <div class="together">
            {items.map((one) => (
              <ServerRow key={one.id} item={one} onClick={() => setShown(one.id)} />
            ))}
          </div>
        )}
        <Button onClick={() => setAdding(true)}>
          <Icon name="plus" small />
          {t.addServer}
        </Button>
      </Sheet>
      {item && <ServerSheet name={name} item={item} onChanged={again} onClosed={() => setShown(undefined)} />}
      {isAdding && <NewServerSheet name={name} onChanged={again} onClosed={() => setAdding(false)} />}
    </>
  );
}

function ServerRow({ item, onClick }: { readonly item: ForwardItem; readonly onClick: () => void }) {
  const t = forwardsWords.value;
  const { language } = i18n();
  const { conf, state, outboundBytes } = item;
  const sent = t.sending(byteSize(outboundBytes, language));
  const text = state === 'forwarding' ? sent : state === 'error' ? t.noConnection : t.notSending;
  return (
    <Row title={conf.dest} text={text} {...(state === 'error' ? { tone: 'bad' as const } : {})} onClick={onClick} />
  );
}

interface ServerProps extends ForwardsProps {
  readonly item: ForwardItem;
  readonly onChanged: () => void;
}

/** One server: why it gets nothing, and its removal. */
function ServerSheet({ name, item, onChanged, onClosed }: ServerProps) {
  const t = forwardsWords.value;
  const [isDone, setDone] = useState(false);
  const remove = () =>
    attempt(async () => {
      const change = { isUnsaved: false };
      await removeForward(name, item.pos, change);
      toast(savedText(change, t.removed));
      setDone(true);
      onChanged();
    });
  return (
    <Sheet title={hostOf(item.conf.dest)} onClosed={onClosed} isDone={isDone}>
      <p class="break">
        <bdi>{item.conf.dest}</bdi>
      </p>
      <p class={item.state === 'error' ? 'bad small break' : 'dim small'} role="status">
        {stateText(item, i18n().language)}
      </p>
      <Confirm title={t.removeServer} text={t.removeText} onConfirm={() => void remove()} />
    </Sheet>
  );
}

function stateText({ state, lastError, outboundBytes }: ForwardItem, language: string): ComponentChildren {
  const t = forwardsWords.value;
  if (state === 'forwarding') {
    return t.sending(byteSize(outboundBytes, language));
  }
  return state === 'error' ? serverText(t.failed, lastError ?? '') : t.notSending;
}

/** The host of any URL; its scheme may be unknown to the browser. */
const hostOf = (dest: string): string => /^[a-z+]+:\/\/([^/?#]+)/i.exec(dest)?.[1] ?? dest;

interface NewServerProps extends ForwardsProps {
  readonly onChanged: () => void;
}

function NewServerSheet({ name, onChanged, onClosed }: NewServerProps) {
  const t = forwardsWords.value;
  const form = useMemo(
    () =>
      serverForm({
        initial: { dest: '', token: '' },
        validate: { dest: (text) => (text.trim() === '' ? forwardsWords.peek().addressEmpty : undefined) },
        save: ({ dest, token }, _, change) => {
          const whipBearerToken = isWhip(dest) ? token.trim() : '';
          const added = { dest: dest.trim(), ...(whipBearerToken === '' ? {} : { whipBearerToken }) };
          return addForward(name, added, change);
        },
      }),
    [],
  );
  return (
    <FormSheet
      title={t.addServer}
      form={form}
      onClosed={onClosed}
      onSaved={() => {
        toast(savedText(form.change, forwardsWords.peek().added));
        onChanged();
      }}
      text={t.sendsAtOnce}
      action={t.add}
    >
      <TextField label={t.address} autocomplete="off" hint={t.addressHint} {...fieldProps(form, 'dest', 2_000)} />
      {isWhip(form.values.value.dest) && (
        <PasswordField label={t.token} autocomplete="off" hint={t.tokenHint} {...fieldProps(form, 'token')} />
      )}
    </FormSheet>
  );
}

const isWhip = (dest: string): boolean => /^\s*whips?:/i.test(dest);
