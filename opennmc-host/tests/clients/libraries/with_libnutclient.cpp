// with_libnutclient PORT USER PASSWORD: all that NUT's C++ library can do with a NUT server, told as one JSON object.
//
// With tracking: it is told an id for each order, and asks for what came of it.

#include <chrono>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>

#include <nutclient.h>

namespace {

const std::string ups = "main";
// In seconds.
const time_t patience = 5;
const int looks = 100;
const std::chrono::milliseconds between_looks(100);

std::string quoted(const std::string &text) {
    std::string out = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\')
            out += '\\';
        out += c;
    }
    return out + '"';
}

// A JSON object, member by member.
class Object {
  public:
    void add(const std::string &name, const std::string &json) {
        text << (text.tellp() == 0 ? "" : ",") << quoted(name) << ':' << json;
    }
    std::string str() const { return '{' + text.str() + '}'; }

  private:
    std::ostringstream text;
};

// "OK", or what the exception says.
template <typename Act> std::string outcome(Act act) {
    try {
        act();
        return quoted("OK");
    } catch (const nut::NutException &error) {
        return quoted(error.str());
    }
}

// What came of an order with this id.
std::string result(nut::Client &client, const nut::TrackingID &id) {
    for (int look = 0; look < looks; look++) {
        switch (client.getTrackingResult(id)) {
        case nut::SUCCESS:
            return quoted("OK");
        case nut::PENDING:
            std::this_thread::sleep_for(between_looks);
            continue;
        case nut::INVALID_ARGUMENT:
            return quoted("invalid argument");
        case nut::FAILURE:
            return quoted("failure");
        default:
            return quoted("unknown");
        }
    }
    return quoted("pending for too long");
}

Object values(const std::map<std::string, std::vector<std::string>> &variables) {
    Object object;
    for (const auto &variable : variables)
        object.add(variable.first, quoted(variable.second.at(0)));
    return object;
}

} // namespace

int main(int, char **arguments) try {
    const auto port = static_cast<uint16_t>(std::stoi(arguments[1]));
    const std::string user = arguments[2], password = arguments[3];
    nut::TcpClient client("localhost", port), stranger("localhost", port);
    client.setTimeout(patience);
    client.authenticate(user, password);
    stranger.authenticate(user, "wrong");

    Object told, upses, settable, commands, types;
    for (const auto &name : client.getDeviceNames())
        upses.add(name, quoted(client.getDeviceDescription(name)));
    for (const auto &name : client.getDeviceRWVariableNames(ups)) {
        settable.add(name, quoted(client.getDeviceVariableValue(ups, name).at(0)));
        types.add(name, quoted(client.getDeviceVariableDescription(ups, name)));
    }
    for (const auto &name : client.getDeviceCommandNames(ups))
        commands.add(name, quoted(client.getDeviceCommandDescription(ups, name)));
    told.add("upses", upses.str());
    told.add("description", quoted(client.getDevice(ups).getDescription()));
    told.add("available", client.hasDeviceVariable(ups, "ups.status") && client.hasDeviceCommand(ups, "load.off") &&
                                  !client.hasDevice("bogus")
                              ? "true"
                              : "false");
    told.add("variables", values(client.getDeviceVariableValues(ups)).str());
    // Asked for at once, answered one after another.
    told.add("status", quoted(client.getDevicesVariableValues({ups}).at(ups).at("ups.status").at(0)));
    told.add("settable", settable.str());
    told.add("types", types.str());
    told.add("commands", commands.str());
    told.add("unknown", outcome([&] { client.getDeviceVariableValues("bogus"); }));
    told.add("denied", outcome([&] { stranger.executeDeviceCommand(ups, "load.off"); }));
    client.setFeature(nut::Client::TRACKING, true);
    told.add("tracked", client.isFeatureEnabled(nut::Client::TRACKING) ? "true" : "false");
    told.add("set", result(client, client.setDeviceVariable(ups, "ups.id", "RACK7")));
    told.add("misset", outcome([&] { client.setDeviceVariable(ups, "ups.model", "Mine"); }));
    told.add("run", result(client, client.executeDeviceCommand(ups, "test.battery.start")));
    told.add("login", outcome([&] { client.deviceLogin(ups); }));
    told.add("logins", std::to_string(client.deviceGetNumLogins(ups)));
    told.add("primary", outcome([&] { client.devicePrimary(ups); }));
    told.add("fsd", outcome([&] { client.deviceForcedShutdown(ups); }));
    client.logout();
    std::cout << told.str() << std::endl;
    return 0;
} catch (const std::exception &error) {
    std::cerr << error.what() << std::endl;
    return 1;
}
