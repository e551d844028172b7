import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../peers/programs/peers.ts';
import { NOT_RECORDING, PerchMachine } from './machine/perch-machine.ts';

const DEVICE = '/dev/disk/by-id/virtio-usb';
const USB = '/mnt/usb';
const RECORDINGS = `${USB}/perch`;

describeWith(['root', 'qemu', 'mmdebstrap', 'dpkg-deb', 'ffmpeg'], 'the disk that a machine records to', () => {
  let box: PerchMachine;
  /** Recordings from before the disk was chosen. */
  let inData: string[];
  beforeAll(async () => {
    box = await PerchMachine.boot({ disks: { usb: 300 } });
    await box.install();
    await box.recordTo('usb');
    // By its mark the disk is known when it is back.
    await box.machine.until(`[ -e ${RECORDINGS}/.perch-disk ]`);
    inData = await box.filesIn('/var/lib/perch/recordings');
  });
  afterAll(() => box?.[Symbol.asyncDispose]());

  const disk = async () => {
    const { items } = await box.ask<{ items: { folder: string; state: string }[] }>('GET', 'disks');
    return items.find(({ folder }) => folder === RECORDINGS)?.state;
  };
  /** Perch lives, says that nothing is recorded, and the doctor names the disk. */
  const isTold = async (states: RegExp) => {
    await expect.poll(disk).toMatch(states);
    await box.machine.until(NOT_RECORDING);
    await expect.poll(() => box.ills()).toMatch(/^bad not recording to \/mnt\/usb\/perch: /m);
    expect(await box.ask('GET', 'paths/get/demo')).toMatchObject({ ready: true });
    // Nothing was recorded to the system's disk.
    expect(await box.filesIn('/var/lib/perch/recordings')).toEqual(inData);
  };
  /** Like its owner, once nothing uses it any more. */
  const mendAndMount = async () => {
    await box.machine.must(`! mountpoint -q ${USB} || umount -l ${USB}`);
    await box.machine.until(`e2fsck -p ${DEVICE}; [ $? -le 1 ]`);
    await box.machine.must(`mount ${USB}`);
  };

  test('if another program fills the last block, that is reported, and recording continues when space is free', async () => {
    const { machine } = box;
    const pid = await box.mainPid();
    await machine.must(`cat /dev/zero > ${USB}/ballast || true`);
    await isTold(/^(full|nearlyFull)$/);
    await machine.must(`rm ${USB}/ballast`);
    await box.goesOn(RECORDINGS);
    expect(await box.mainPid()).toBe(pid);
    await box.isWholeAndGoesOn(RECORDINGS);
  });

  test('a disk that becomes read-only after a file system error is reported, and recorded to after repair', async () => {
    const { machine } = box;
    const before = await box.filesIn(RECORDINGS);
    await machine.must(`mount -o remount,errors=remount-ro ${USB}`);
    await machine.must(`echo 1 > /sys/fs/ext4/$(basename $(realpath ${DEVICE}))/trigger_fs_error`);
    await isTold(/^(readOnly|failing)$/);
    await mendAndMount();
    await box.goesOn(RECORDINGS);
    await box.isWholeAndGoesOn(RECORDINGS);
    expect(await box.filesIn(RECORDINGS)).toEqual(expect.arrayContaining(before));
  });

  test('an unplugged disk is reported, and recorded to when it returns', async () => {
    const { machine } = box;
    const before = await box.filesIn(RECORDINGS);
    const slot = await machine.must(`basename $(realpath /sys/block/$(basename $(realpath ${DEVICE}))/device/..)`);
    await machine.must(`echo 1 > /sys/bus/pci/devices/${slot}/remove`);
    await machine.until(`[ ! -e ${DEVICE} ]`);
    await isTold(/^(readOnly|failing|vanished)$/);
    await machine.must('echo 1 > /sys/bus/pci/rescan');
    await machine.until(`[ -e ${DEVICE} ]`);
    await mendAndMount();
    await box.goesOn(RECORDINGS);
    await box.isWholeAndGoesOn(RECORDINGS);
    expect(await box.filesIn(RECORDINGS)).toEqual(expect.arrayContaining(before));
  });

  test('not mounted when the machine starts it is waited for, and nothing lands below it', async () => {
    const { machine } = box;
    await machine.must(`sed -i 's/nofail/nofail,noauto/' /etc/fstab`);
    await machine.shutDown();
    await machine.boot();
    await isTold(/^vanished$/);
    expect(await machine.must(`ls -A ${USB}`)).toBe('');
    await machine.must(`mount ${USB}`);
    await box.goesOn(RECORDINGS);
    await box.isWholeAndGoesOn(RECORDINGS);
  });
});
