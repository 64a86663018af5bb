import { describe, expect, it } from "vitest";
import { birdConfiguration } from "./bird.ts";
import { readBirdRoutes, readBirdSessions } from "./bird-output.ts";
import { frrConfiguration } from "./frr.ts";
import { readFrrRoutes, readFrrSessions } from "./frr-output.ts";
import { gobgpConfiguration } from "./gobgp.ts";
import { readGobgpRoutes, readGobgpSessions } from "./gobgp-output.ts";
import type { Neighbour, RouterDescription, RouterRoute } from "./router.ts";

const neighbour = (name: string, address: string): Neighbour => ({
  name,
  address,
  asn: 64500,
  holdTime: 6,
  families: ["ipv4-unicast"],
  password: null,
});

const neighbours = [neighbour("node-1", "127.77.1.11"), neighbour("node-2", "127.77.1.12")];

const description: RouterDescription = {
  asn: 64512,
  routerId: "127.77.1.1",
  port: 1790,
  listen: ["127.77.1.1"],
  neighbours,
  installRoutes: false,
};

/** What all three makes were seen to say about the same announcement. */
const expected: RouterRoute = {
  prefix: "203.0.113.1/32",
  paths: [
    {
      from: "node-1",
      nextHop: "127.77.1.11",
      asPath: [64500],
      localPref: null,
      med: 50,
      communities: ["65000:100", "65000:200"],
      largeCommunities: ["1:2:3"],
    },
  ],
};

describe("BIRD's own words", () => {
  const table = `BIRD 2.0.12 ready.
Access restricted
Table master4:
0.0.0.0/0            unicast [reach 09:17:30.033] * (200)
\tdev lo
\tType: static univ
203.0.113.1/32       unicast [s_node_1 09:17:32.806 from 127.77.1.11] * (100/?) [AS64500i]
\tdev lo
\tType: BGP univ
\tBGP.origin: IGP
\tBGP.as_path: 64500
\tBGP.next_hop: 127.77.1.11
\tBGP.med: 50
\tBGP.local_pref: 100
\tBGP.community: (65000,100) (65000,200)
\tBGP.large_community: (1, 2, 3)
                     unicast [s_node_2 09:17:36.618 from 127.77.1.12] (100/?) [AS64500i]
\tdev lo
\tBGP.as_path: 64500
\tBGP.next_hop: 127.77.1.12
\tBGP.local_pref: 100
Table master6:
2001:db8::1/128      unreachable [s_node_1 09:17:36.618] * (100/-) [AS64500i]
\tBGP.next_hop: 2001:db8:9::1 fe80::1
`;

  it("tells each path of a route, with its attributes, and no others", () => {
    const routes = readBirdRoutes(table, neighbours);
    expect(routes.map((route) => route.prefix)).toEqual(["203.0.113.1/32"]);
    // BIRD gives eBGP routes its default preference.
    expect(routes[0]?.paths[0]).toEqual({ ...expected.paths[0], localPref: 100 });
    expect(routes[0]?.paths.map((path) => [path.from, path.nextHop])).toEqual([
      ["node-1", "127.77.1.11"],
      ["node-2", "127.77.1.12"],
    ]);
  });

  it("tells each session", () => {
    const text = `BIRD 2.0.12 ready.
Name       Proto      Table      State  Since         Info
device1    Device     ---        up     09:17:30.033  
s_node_1   BGP        ---        up     09:17:31.005  Established   
s_node_2   BGP        ---        start  2026-11-23    Passive       Received: Hold timer expired
`;
    expect(readBirdSessions(text, neighbours).map((session) => [session.established, session.state])).toEqual([
      [true, "Established"],
      [false, "Passive, Received: Hold timer expired"],
    ]);
  });
});

describe("FRR's own words", () => {
  it("tells each usable path of a route, with its attributes", () => {
    const text = `{ "vrfId": 0, "routes": { "203.0.113.1/32": [{"prefix":"203.0.113.1/32","version":1},
      {"aspath":{"string":"64500","length":1},"origin":"IGP","metric":50,"valid":true,
       "community":{"string":"65000:100 65000:200","list":["65000:100","65000:200"]},
       "largeCommunity":{"string":"1:2:3","list":["1:2:3"]},
       "nexthops":[{"ip":"127.77.1.11","afi":"ipv4","accessible":true,"used":true}],
       "peer":{"peerId":"127.77.1.11","type":"external"}},
      {"aspath":{"string":"64500"},"valid":false,"nexthops":[{"ip":"127.77.1.12"}],"peer":{"peerId":"127.77.1.12"}}]
    }  } `;
    expect(readFrrRoutes(text, neighbours)).toEqual([expected]);
  });

  it("tells each session, and survives what is no JSON", () => {
    const text = `{"ipv4Unicast":{"peers":{"127.77.1.11":{"state":"Established"},"127.77.1.12":{"state":"Active"}}}}`;
    expect(readFrrSessions(text, neighbours).map((session) => session.established)).toEqual([true, false]);
    expect(readFrrSessions("% failed", neighbours).map((session) => session.state)).toEqual(["unknown", "unknown"]);
  });
});

describe("GoBGP's own words", () => {
  it("tells each path of a route, with its attributes", () => {
    const text = `{"203.0.113.1/32":[{"nlri":{"prefix":"203.0.113.1/32"},"best":true,"attrs":[{"type":1,"value":0},
      {"type":2,"as_paths":[{"segment_type":2,"num":1,"asns":[64500]}]},{"type":3,"nexthop":"127.77.1.11"},{"type":4,"metric":50},
      {"type":8,"communities":[4259840100,4259840200]},
      {"type":32,"value":[{"ASN":1,"LocalData1":2,"LocalData2":3}]}],"neighbor-ip":"127.77.1.11"}]}`;
    expect(readGobgpRoutes(text, neighbours)).toEqual([expected]);
  });

  it("tells each session", () => {
    const text = `[{"conf":{"neighbor_address":"127.77.1.11"},"state":{"session_state":6}},
      {"conf":{"neighbor_address":"127.77.1.12"},"state":{"session_state":3}}]`;
    expect(readGobgpSessions(text, neighbours).map((session) => session.state)).toEqual(["Established", "Active"]);
  });
});

describe("configurations", () => {
  it("say on loopback that next hops in 127.0.0.0/8 are fine", () => {
    expect(birdConfiguration(description)).toContain('route 0.0.0.0/0 via "lo"');
    expect(frrConfiguration(description)).toContain("bgp allow-martian-nexthop");
    const lan = { ...description, listen: ["172.20.0.1"] };
    expect(birdConfiguration(lan)).not.toContain('via "lo"');
    expect(frrConfiguration(lan)).not.toContain("martian");
  });

  it("touch the kernel only when told to", () => {
    expect(birdConfiguration(description)).not.toContain("protocol kernel");
    expect(birdConfiguration({ ...description, installRoutes: true })).toContain("merge paths on");
  });

  it("wait for the speakers and keep the password", () => {
    const guarded = { ...description, neighbours: neighbours.map((each) => ({ ...each, password: "s3cret" })) };
    expect(birdConfiguration(guarded)).toContain('password "s3cret"');
    expect(frrConfiguration(guarded)).toContain("neighbor 127.77.1.11 password s3cret");
    expect(gobgpConfiguration(guarded)).toContain('"auth-password": "s3cret"');
    expect(birdConfiguration(guarded).match(/passive on/g)).toHaveLength(2);
    expect(frrConfiguration(guarded).match(/ passive$/gm)).toHaveLength(2);
  });
});
