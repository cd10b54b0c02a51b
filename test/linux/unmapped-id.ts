import test from 'ava';
import {unmappedIdError} from '../../src/linux/unmapped-id.ts';
import type {UserNamespace} from '../../src/linux/user-namespace.ts';

const single: UserNamespace = {
	users: [{inside: 0, outside: 1000, count: 1}], groups: [{inside: 0, outside: 1000, count: 1}], canSetGroups: false,
};
const several: UserNamespace = {
	users: [{inside: 0, outside: 1000, count: 1}, {inside: 1, outside: 100_000, count: 65_536}],
	groups: [{inside: 0, outside: 1000, count: 1}, {inside: 1, outside: 100_000, count: 10}],
	canSetGroups: true,
};

test('an owner who is there, or anybody in the first namespace, is no error', t => {
	t.is(unmappedIdError({uid: 65_536, gid: 10}, several), undefined);
	t.is(unmappedIdError({uid: 0, gid: 0}, single), undefined);
});

test('the error names the ID that is not there, and its hint what would help', t => {
	const user = unmappedIdError({uid: 65_537, gid: 10}, several);
	t.is(user?.code, 'ERR_TSBUILD_UNMAPPED_ID');
	t.is(user?.message, 'user 65537 is not among the IDs that this user has');
	t.regex(user?.hint ?? '', /^IDs up to 65536 are there/v);
	const group = unmappedIdError({uid: 1, gid: 11}, several);
	t.is(group?.message, 'group 11 is not among the IDs that this user has');
	t.regex(group?.hint ?? '', /^IDs up to 10 are there/v);
	t.regex(unmappedIdError({uid: 1, gid: 0}, single)?.hint ?? '', /^Steps have one user and one group here.*usermod/v);
});
