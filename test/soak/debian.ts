import {readFileSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import type {ExecutionContext} from 'ava';
import {LayerStore} from '../../snapshotter/layers.ts';
import type {SnapshotterName} from '../../snapshotter/snapshotter-choice.ts';
import {openStore} from '../../snapshotter/store.ts';
import {chainIdOfAll, parseDiffId} from '../../src/kernel/digest.ts';
import type {
	Descriptor,
	ImageConfig,
	ImageIndex,
	ImageManifest,
} from '../../src/kernel/oci-types.ts';
import {testWhere} from '../support/conditions.ts';
import {makeDebianBase, reasonAgainstDebian} from '../support/debian-base.ts';
import {makeProject} from '../support/project.ts';
import {runCommand} from '../support/run-program.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {tsbuild} from '../support/tsbuild.ts';
import {listTree, type ListOptions} from '../support/tree-listing.ts';

const files = {
	Dockerfile: String.raw`
		FROM debian AS package
		COPY package /package
		RUN chmod 755 /package/DEBIAN/postinst && chmod 4755 /package/usr/bin/greet && \
			chown -R 3000000 /package/var && dpkg-deb --build /package /greeter.deb

		FROM debian
		COPY --from=package /greeter.deb /tmp/
		RUN dpkg -i /tmp/greeter.deb && rm /tmp/greeter.deb
		RUN apt-get update && apt-get install -y --no-install-recommends attr libcap2-bin && apt-get clean
		RUN adduser --disabled-password --gecos '' --uid 3000001 visitor
		RUN cp /bin/ls /usr/local/bin/ls && setcap cap_net_raw,cap_setuid+ep /usr/local/bin/ls && \
			setfattr -n user.origin -v 0x00ff /usr/local/bin/ls && chmod 2711 /usr/local && chown visitor /usr/local/bin
		RUN ln /usr/bin/perl /usr/local/bin/perl-again && ln /usr/local/bin/ls /usr/local/bin/list && ln -s list /usr/local/bin/linked
		RUN rm -rf /usr/share/doc /usr/share/zoneinfo /var/lib/apt/lists && mkdir /usr/share/doc && echo none > /usr/share/doc/README
		RUN mv /usr/share/common-licenses /usr/share/licences && rm -r /usr/share/perl5 && ln -s perl /usr/share/perl5
		RUN dpkg --purge attr && touch -d '1969-07-20 20:17:40.25' /etc/issue && mkfifo /var/queue && mknod /var/null c 1 3
		USER visitor
		RUN id > ~/id && chmod 0 ~/id && mkdir -p ~/a/b && chmod 700 ~/a
	`,
	'package/DEBIAN/control': 'Package: greeter\nVersion: 1.0\nArchitecture: all\nDepends: adduser\nMaintainer: Nobody <nobody@example.org>\nDescription: greets\n',
	'package/DEBIAN/conffiles': '/etc/greeter.conf\n',
	'package/DEBIAN/postinst': '#!/bin/sh\nset -e\nadduser --system --group --home /var/lib/greeter greeter\nupdate-alternatives --install /usr/bin/hello hello /usr/bin/greet 10\n',
	'package/etc/greeter.conf': 'greeting = hello\n',
	'package/usr/bin/greet': '#!/bin/sh\ncat /etc/greeter.conf\n',
	'package/var/lib/greeter/state': '',
} as const;

// What a user of the image would look at.
const checks = String.raw`
	FROM app
	USER root
	RUN dpkg --verify greeter libcap2-bin passwd && hello | grep -x 'greeting = hello'
	RUN getcap /usr/local/bin/list | grep -x '/usr/local/bin/list cap_setuid,cap_net_raw=ep'
	RUN test "$(stat -c '%a %U' /usr/bin/greet /usr/local /usr/local/bin /home/visitor/id)" = "$(printf '4755 root\n2711 root\n755 visitor\n0 visitor')"
	RUN test "$(stat -c '%u %h' /var/lib/greeter/state /usr/local/bin/ls)" = "$(printf '3000000 1\n0 2')"
	RUN test "$(stat -c %Y /etc/issue)" = -14182940 && test -p /var/queue && test -c /var/null
	RUN test "$(ls /usr/share/doc)" = README && test ! -e /usr/share/zoneinfo && test -e /usr/share/licences/GPL-3 && test ! -e /usr/share/common-licenses
	RUN ! dpkg -s attr && apt-get check && useradd another
`;

const reason = process.getuid?.() === 0 ? await reasonAgainstDebian() : 'it needs root';

testWhere(reason === undefined, reason ?? '')('a Debian system that is changed is the same for umoci, skopeo and the other snapshotter', async t => {
	t.timeout(600_000);
	await using temporary = await makeTemporaryDirectory();
	const debian = await makeDebianBase(temporary.path);
	await assertSameTrees(t, debian, {changedWith: 'overlay', takenInWith: 'native'});
	await assertSameTrees(t, debian, {changedWith: 'native', takenInWith: 'overlay'});
});

async function assertSameTrees(t: ExecutionContext, debian: string, {changedWith, takenInWith}: Readonly<Record<'changedWith' | 'takenInWith', SnapshotterName>>): Promise<void> {
	await using project = await makeProject(files);
	const {directory, context} = project;
	const archive = path.join(directory, 'app.tar');
	const built = await project.buildIn({TSBUILD_SNAPSHOTTER: changedWith}, '--build-context', `debian=oci-layout://${debian}`, '-t', 'app:1', '-o', `type=oci,dest=${archive}`);
	t.is(built.exitCode, 0, built.stderr);

	const [layout, bundle] = [path.join(directory, 'layout'), path.join(directory, 'bundle')];
	await runCommand('skopeo', ['copy', '--quiet', `oci-archive:${archive}`, `oci:${layout}:app`]);
	await runCommand('umoci', ['--log=error', 'unpack', '--image', `${layout}:app`, bundle]);
	const unpacked = path.join(bundle, 'rootfs');
	// Times of directories are in no layer unless something else about them changed, and overlayfs separates the names of a file that it copies up.
	const listed = {withDirectoryTimes: false, withHardlinks: changedWith === 'native'};
	t.deepEqual(listTree(unpacked, listed), await treeInStore(project.root, layout, listed));

	await project.write({Dockerfile: checks});
	const second = path.join(directory, 'second');
	const checked = await tsbuild(['build', '--progress', 'plain', '--build-context', `app=oci-layout://${layout}`, '-t', 'checked:1', context], {root: second, env: {TSBUILD_SNAPSHOTTER: takenInWith}});
	t.is(checked.exitCode, 0, checked.stderr);
	t.deepEqual(await treeInStore(second, layout), listTree(unpacked));
}

/** The tree that a store has for the image of a layout. */
async function treeInStore(root: string, layout: string, options: ListOptions = {}): Promise<ReturnType<typeof listTree>> {
	const diffIds = readConfig(layout).rootfs.diff_ids!.map(diffId => parseDiffId(diffId));
	await using store = await openStore(root);
	const id = new LayerStore(store).takeSnapshot(chainIdOfAll(diffIds)!);
	using view = await store.snapshotter.view(id!);
	return listTree(view.path, options);
}

function readConfig(layout: string): ImageConfig {
	const read = <Document>(file: string) => JSON.parse(readFileSync(path.join(layout, file), 'utf8')) as Document;
	const readBlob = <Document>({digest}: Pick<Descriptor, 'digest'>) => read<Document>(`blobs/${digest.replace(':', '/')}`);
	const index = read<ImageIndex>('index.json');
	const manifest = readBlob<ImageManifest>(index.manifests[0]!);
	return readBlob(manifest.config);
}
