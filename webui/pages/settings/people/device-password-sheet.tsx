import type { DeviceItem } from '../../../people/people.ts';
import { peopleWords } from '../../../words/people.ts';
import { RevokeSheet } from './revoke-sheet.tsx';

interface DevicePasswordSheetProps {
  readonly device: DeviceItem;
  readonly text: string;
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

/** A device password: its permissions, and revoking it. */
export function DevicePasswordSheet({ device: { id, name, user }, text, ...sheet }: DevicePasswordSheetProps) {
  const { revokeDevice: action, revokeDeviceText: warning, deviceRevoked: done, deviceLogsInAs } = peopleWords.value;
  const address = `v3/devicepasswords/${encodeURIComponent(id)}`;
  return (
    <RevokeSheet {...sheet} title={name} {...{ address, action, warning, done }}>
      <p class="break">{text}</p>
      <p class="dim break">{deviceLogsInAs(user)}</p>
    </RevokeSheet>
  );
}
