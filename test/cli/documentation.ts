import {readFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {buildFlags} from '../../src/cli/build-flags.ts';
import {doctorDescription} from '../../src/cli/doctor-command.ts';
import {duDescription} from '../../src/cli/du-command.ts';
import type {FlagDefinitions} from '../../src/cli/flag-parser.ts';
import {imagesDescription} from '../../src/cli/images-command.ts';
import {inspectDescription} from '../../src/cli/inspect-command.ts';
import {loadDescription} from '../../src/cli/load-command.ts';
import {loginDescription} from '../../src/cli/login-command.ts';
import {logoutDescription} from '../../src/cli/logout-command.ts';
import {pruneDescription} from '../../src/cli/prune-command.ts';
import {pullDescription} from '../../src/cli/pull-command.ts';
import {pushDescription} from '../../src/cli/push-command.ts';
import {rmiDescription} from '../../src/cli/rmi-command.ts';
import {saveDescription} from '../../src/cli/save-command.ts';
import {storeCheckDescription, storeGcDescription} from '../../src/cli/store-command.ts';
import {tagDescription} from '../../src/cli/tag-command.ts';

const documentation = await readFile(path.join(import.meta.dirname, '../../docs/cli.md'), 'utf8');

const describes = test.macro({
	exec(t, command: string, flags: FlagDefinitions) {
		const section = documentation.split('\n## ').find(text => text.startsWith(`tsbuild ${command}\n`)) ?? '';
		const documented = section.matchAll(/^\|.*?`--(?<name>[\-a-z]+)/gmv).map(match => match.groups!.name!).toArray();
		const visible = Object.keys(flags).filter(name => flags[name]!.hidden !== true);
		t.deepEqual(documented.toSorted(), visible.toSorted());
	},
	title: (_, command: string) => `docs/cli.md describes the flags of ${command}`,
});

test(describes, 'build', buildFlags);
test(describes, 'images', imagesDescription.flags);
test(describes, 'inspect', inspectDescription.flags);
test(describes, 'pull', pullDescription.flags);
test(describes, 'load', loadDescription.flags);
test(describes, 'login', loginDescription.flags);
test(describes, 'logout', logoutDescription.flags);
test(describes, 'save', saveDescription.flags);
test(describes, 'tag', tagDescription.flags);
test(describes, 'push', pushDescription.flags);
test(describes, 'rmi', rmiDescription.flags);
test(describes, 'doctor', doctorDescription.flags);
test(describes, 'du', duDescription.flags);
test(describes, 'prune', pruneDescription.flags);
test(describes, 'store check', storeCheckDescription.flags);
test(describes, 'store gc', storeGcDescription.flags);
