import { existsSync } from 'node:fs';
import { PerchError } from '../../base/errors.ts';

/** Usage text of the `perch` command. */
export const USAGE = `usage: perch [--data DIR] [FILE.yml]    run Perch with this configuration file
       perch check FILE.yml             report problems in a configuration file
       perch reindex [--data DIR] [FILE.yml]
                                        read all recordings and rebuild their index
       perch restore-archive [--box ID] [--data DIR] [FILE.yml]
                                        learn what the archive has of a lost box: ID is its folder there
       perch import FOLDER --path NAME [--camera NAME] [--link | --move] [--data DIR] [FILE.yml]
                                        take recordings of MediaMTX, Frigate and others into those of a path, by the
                                        times in their names: --camera is Frigate's name, --link saves room where
                                        files are taken unchanged, --move deletes recordings once
                                        their copies have the same bytes, as for another disk
       perch verify FILE [--key FINGERPRINT|PEMFILE] [--signatures FILE]
                                        compare a signed recording, or a part of one, with its signatures: exit code
                                        0 unchanged, 1 changed or not all signed, 2 not verifiable, 3 parts missing
       perch explain USER ACTION PATH [--ip IP] [--data DIR] [FILE.yml]
                                        explain whether a request is permitted: ACTION is read, publish, playback, api,
                                        metrics, pprof or admin (the page); USER - is anonymous, default IP 127.0.0.1
       perch update [--install] [--data DIR] [FILE.yml]
                                        look for an update at updateAddress; --install installs it
       perch claim [--data DIR]         set the owner's password on a box without an owner
       perch claim --link [--data DIR]  show the link that does the same in a browser
       perch reset-password [--data DIR]
                                        remove the owner's password and second factor, if one is lost: all users are
                                        logged out, and the box has no owner until it is claimed; viewers, links,
                                        cameras and recordings stay
       perch archive-key [--data DIR]   show the key that the archive is encrypted with, and earlier ones
       perch signing-key [--data DIR]   show fingerprint and public key of the key that signs recordings
       perch --version | --help

DIR is the data folder (recordings, users, index). Default: ./perch-data
The arguments of a start, such as FILE.yml, may follow every command without FILE and FOLDER`;

/** @throws PerchError notFound if the named configuration file does not exist */
export function needsFile(file: string | undefined): void {
  if (file !== undefined && !existsSync(file)) {
    throw new PerchError('notFound', `the configuration file ${file} does not exist`);
  }
}
