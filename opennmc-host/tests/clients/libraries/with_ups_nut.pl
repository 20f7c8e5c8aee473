#!/usr/bin/perl
# with_ups_nut.pl PORT USER PASSWORD: all that Perl's UPS::Nut can do with a NUT server, told as one JSON object.
#
# All but its descriptions of commands: it waits for another word than every upsd answers.

use strict;
use warnings;

use JSON::PP;
use UPS::Nut;

my $ups = "main";
my ($port, $user, $password) = @ARGV;

sub connect_with {
    my ($password) = @_;
    my %how = (NAME => $ups, HOST => "localhost", PORT => $port, USERNAME => $user, PASSWORD => $password, TIMEOUT => 5);
    return UPS::Nut->new(%how) || die "could not connect\n";
}

sub outcome {
    my ($client, $done) = @_;
    return defined $done ? "OK" : $client->Error;
}

my $client = connect_with($password);
my $stranger = connect_with("wrong");
my $settable = $client->ListRW;
my %types = map {
    $_ => {
        kind => $client->GetType($_),
        description => $client->GetDesc($_),
        choices => $client->GetType($_) =~ /ENUM/ ? $client->ListEnum($_) : [],
    }
} keys %$settable;
my %told = (
    upses => $client->ListUPS,
    variables => $client->ListVar,
    status => $client->Status,
    settable => $settable,
    types => \%types,
    commands => { map { $_ => undef } @{ $client->ListCmd } },
    denied => outcome($stranger, $stranger->InstCmd("load.off")),
    set => outcome($client, $client->Set("ups.id", "RACK7")),
    misset => outcome($client, $client->Set("ups.model", "Mine")),
    run => outcome($client, $client->InstCmd("test.battery.start")),
    primary => outcome($client, $client->Master),
    fsd => outcome($client, $client->FSD),
);
{
    # Else it asks for the one UPS that it was made for.
    local $client->{name} = "bogus";
    $told{unknown} = outcome($client, $client->ListVar);
}
$_->Logout for $client, $stranger;
print JSON::PP->new->encode(\%told), "\n";
