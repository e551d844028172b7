import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { fetchJson } from '../../../api-client/request.ts';
import { toast } from '../../../ui/feedback/toast.tsx';
import { attempt } from '../../../ui/feedback/toast-failure.ts';
import { Confirm } from '../../../ui/sheet/confirm.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';

interface RevokeSheetProps {
  readonly title: string;
  /** What is deleted. */
  readonly address: string;
  readonly action: string;
  readonly warning: string;
  /** Message afterwards. */
  readonly done: string;
  readonly children: ComponentChildren;
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

/** A guest link or device password, which can be revoked. */
export function RevokeSheet(props: RevokeSheetProps) {
  const [isDone, setDone] = useState(false);
  const revoke = () =>
    attempt(async () => {
      await fetchJson(props.address, { method: 'DELETE' });
      toast(props.done);
      setDone(true);
      props.onChanged();
    });
  return (
    <Sheet title={props.title} onClosed={props.onClosed} isDone={isDone}>
      {props.children}
      <Confirm title={props.action} text={props.warning} onConfirm={revoke} />
    </Sheet>
  );
}
